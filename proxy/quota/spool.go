package quota

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
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
	source *http.Response // its trailer is complete when its body is closed
	passed *http.Response // the same answer for the reader, with a trailer of its own, which only the reader changes

	mu      sync.Mutex // guards what follows
	changed *sync.Cond // of what follows
	buffer  []byte
	taken   int   // how much of buffer was read
	err     error // of the source; io.EOF at its end
	over    bool  // the rest is read from the source
	gone    error // why the reader has left; nil while it reads
	closed  bool  // the source is, or the pump will close it
}

func newSpool(source *http.Response) *spool {
	s := &spool{source: source}
	passed := *source
	passed.Body, passed.Trailer = s, maps.Clone(source.Trailer)
	s.passed = &passed
	s.changed = sync.NewCond(&s.mu)
	return s
}

// pieceSize is how much of an answer is read at a time, in bytes. Most answers are one piece.
const pieceSize = 16 << 10

// pieces are buffers that are not in use.
var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// pump reads the source to its end and returns all of it. It returns errTooLong when the reader must read the rest.
func (s *spool) pump() ([]byte, error) {
	buffer := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(buffer)
	piece := buffer[:]
	for {
		n, err := s.source.Body.Read(piece)
		if err != nil { // The reader learns of the end when the trailer is complete.
			closed := s.source.Body.Close()
			s.add(piece[:n], err)
			return s.whole(closed)
		}
		if over := s.add(piece[:n], nil); over {
			return nil, errTooLong
		}
	}
}

// whole returns all that the source had, unless its end or its closing was an error.
func (s *spool) whole(closed error) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(s.err, io.EOF) {
		return nil, s.err
	}
	return bytes.Clone(s.buffer), closed
}

// add takes in what was read. It tells whether the reader takes over.
func (s *spool) add(piece []byte, err error) (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed.Broadcast()
	s.buffer = append(s.buffer, piece...)
	s.err = err
	if err != nil {
		s.closed = true
		return false
	}
	if len(s.buffer) <= maxShared {
		return false
	}
	s.over = true
	if s.gone != nil { // no reader takes over
		s.closeLocked()
	}
	return true
}

// Read implements io.Reader.
func (s *spool) Read(p []byte) (int, error) {
	s.mu.Lock()
	for s.taken == len(s.buffer) && s.err == nil && !s.over && s.gone == nil {
		s.changed.Wait()
	}
	defer s.mu.Unlock()
	switch {
	case s.gone != nil:
		return 0, s.gone
	case s.taken < len(s.buffer):
		n := copy(p, s.buffer[s.taken:])
		s.taken += n
		return n, nil
	case s.err != nil:
		s.passed.Trailer = maps.Clone(s.source.Trailer)
		return 0, s.err
	}
	s.buffer, s.taken = nil, 0
	s.mu.Unlock()
	n, err := s.source.Body.Read(p)
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
		s.passed.Trailer = s.source.Trailer
	}
	return nil
}

func (s *spool) closeLocked() {
	if !s.closed {
		s.closed = true
		_ = s.source.Body.Close()
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
