package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// maxRepeatBody is how much of a streamed request body is kept so that it can be sent again, in bytes. Servers take about
// as much before they say that they do not process a request.
const maxRepeatBody = 64 << 10

// errNotKept says that a request cannot be sent again.
var errNotKept = errors.New("the connection ended, and more of the request body has been sent than is kept")

// repeatBody is a streamed request body that can be sent again as long as no more than maxRepeatBody of it has been sent.
// http.Transport does so when the connection itself says that the request was never processed: GOAWAY and REFUSED_STREAM of
// HTTP/2, or a connection that was closed before the first byte was written. Nothing is read ahead, so that a body that
// comes slowly is sent as it comes.
type repeatBody struct {
	source io.Reader

	reading sync.Mutex // held during a read of source

	mu      sync.Mutex   // guards what follows
	kept    []byte       // all that has been read, unless lost
	lost    bool         // more has been read than is kept
	err     error        // of source, io.EOF among them
	current *bodySending // the only one that may lose what is kept
}

// begin returns the body from its beginning, as http.Request's GetBody does. It ends the sending before.
func (b *repeatBody) begin() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost {
		return nil, errNotKept
	}
	b.current = &bodySending{body: b}
	return b.current, nil
}

// bodySending is a repeatBody while it is sent. Its reader may still wait for the client while the next sending begins: what
// it then reads is kept for that one.
type bodySending struct {
	body *repeatBody
	at   int // how much of what is kept has been sent; guarded by body.mu
}

// Read implements io.Reader.
func (s *bodySending) Read(p []byte) (int, error) {
	if n, err := s.fromKept(p); n > 0 || err != nil {
		return n, err
	}
	s.body.reading.Lock()
	defer s.body.reading.Unlock()
	if n, err := s.fromKept(p); n > 0 || err != nil { // another sending has read meanwhile
		return n, err
	}
	n, err := s.body.source.Read(p)
	return s.keep(p[:n], err)
}

// fromKept reads without the source. Nothing and no error mean that the source has to be asked.
func (s *bodySending) fromKept(p []byte) (n int, err error) {
	b := s.body
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.current != s:
		return 0, http.ErrBodyReadAfterClose
	case s.at < len(b.kept):
		n = copy(p, b.kept[s.at:])
		s.at += n
		return n, nil
	default:
		return 0, b.err
	}
}

// keep remembers what the source gave.
func (s *bodySending) keep(piece []byte, err error) (int, error) {
	b := s.body
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	if b.current == s && len(b.kept)+len(piece) > maxRepeatBody {
		b.kept, b.lost = nil, true
	}
	if !b.lost {
		b.kept = append(b.kept, piece...)
		s.at = len(b.kept)
	}
	return len(piece), err
}

// Close implements io.Closer. The source is its owner's to close.
func (s *bodySending) Close() error {
	s.body.mu.Lock()
	defer s.body.mu.Unlock()
	if s.body.current == s {
		s.body.current = nil
	}
	return nil
}
