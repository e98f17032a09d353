package quota

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// errTooLong says that an answer is longer than what is shared.
var errTooLong = errors.New("the answer is too long to be shared")

// memoryBody is an answer that is there as a whole.
type memoryBody struct{ *bytes.Reader }

// Close implements io.Closer.
func (memoryBody) Close() error { return nil }

// spool reads an answer up to maxShared bytes ahead of its one reader. What is longer is read by the reader itself.
type spool struct {
	source io.ReadCloser

	mu      sync.Mutex // guards what follows
	changed *sync.Cond // of what follows
	buffer  []byte
	passed  int   // how much of buffer was read
	err     error // of the source; io.EOF at its end
	over    bool  // the rest is read from the source
	gone    error // why the reader has left; nil while it reads
	closed  bool  // the source is, or the pump will close it
}

func newSpool(source io.ReadCloser) *spool {
	s := &spool{source: source}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// pump reads the source to its end and returns all of it. It returns errTooLong when the reader must read the rest.
func (s *spool) pump() ([]byte, error) {
	piece := make([]byte, 16<<10)
	for {
		n, err := s.source.Read(piece)
		if over, end := s.add(piece[:n], err); over {
			return nil, errTooLong
		} else if end {
			break
		}
	}
	err := s.source.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(s.err, io.EOF) {
		return nil, s.err
	}
	return bytes.Clone(s.buffer), err
}

// add takes in what was read. It tells whether the reader takes over, or whether this was the end.
func (s *spool) add(piece []byte, err error) (over, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed.Broadcast()
	s.buffer = append(s.buffer, piece...)
	s.err = err
	if err != nil {
		s.closed = true
		return false, true
	}
	if len(s.buffer) <= maxShared {
		return false, false
	}
	s.over = true
	if s.gone != nil { // no reader takes over
		s.closeLocked()
	}
	return true, false
}

// Read implements io.Reader.
func (s *spool) Read(p []byte) (int, error) {
	s.mu.Lock()
	for s.passed == len(s.buffer) && s.err == nil && !s.over && s.gone == nil {
		s.changed.Wait()
	}
	defer s.mu.Unlock()
	switch {
	case s.gone != nil:
		return 0, s.gone
	case s.passed < len(s.buffer):
		n := copy(p, s.buffer[s.passed:])
		s.passed += n
		return n, nil
	case s.err != nil:
		return 0, s.err
	}
	s.buffer, s.passed = nil, 0
	s.mu.Unlock()
	n, err := s.source.Read(p)
	s.mu.Lock()
	return n, err
}

// Close implements io.Closer. The pump goes on for others, unless the reader has taken over.
func (s *spool) Close() error {
	s.abandon(io.ErrClosedPipe)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		s.closeLocked()
	}
	return nil
}

func (s *spool) closeLocked() {
	if !s.closed {
		s.closed = true
		_ = s.source.Close()
	}
}

// abandon ends the reads that wait for the pump. It may be called while the reader reads.
func (s *spool) abandon(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone == nil {
		s.gone = cause
	}
	s.changed.Broadcast()
}
