package proxy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"stagedoor/proxy/policy"
)

// frontendHeaderWait is how long the header of a frontend's answer of unknown length waits for the first piece of its body.
// Such an answer may be a stream, and its client needs to know at once that it has begun.
const frontendHeaderWait = 250 * time.Millisecond

// errBrokenAnswer says that an upstream began an answer and broke it off, before any of it was sent to the client.
var errBrokenAnswer = errors.New("the upstream's answer broke off")

// awaitFirstPiece reads the first piece of an answer's body before the header is sent. An answer that breaks off before it
// is an error, which the client can be told: a connection that is closed instead is one after which browsers repeat requests,
// writes too. Zero patience waits for the first piece however long it takes; otherwise an answer of unknown length goes on
// without it. The header of server-sent events never waits.
func awaitFirstPiece(res *http.Response, patience time.Duration) error {
	if res.Body == http.NoBody || res.ContentLength == 0 || res.Request.Method == http.MethodHead || policy.IsEventStream(res.Header) {
		return nil
	}
	first := &firstPiece{ReadCloser: res.Body, buffer: buffers.Get()}
	res.Body = first
	if patience == 0 || res.ContentLength > 0 {
		first.fill()
		return first.broken()
	}
	first.filled = make(chan struct{})
	go func() {
		defer close(first.filled)
		first.fill()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-first.filled:
		return first.broken()
	case <-timer.C:
		return nil
	}
}

// detacher gives an answer of unknown length trailers of its own, which net/http does not change while a goroutine still waits
// for the first piece of its body. They are complete when the body is closed, which is when the reverse proxy looks at them.
type detacher struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (d detacher) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := d.next.RoundTrip(r)
	if err != nil || res.ContentLength >= 0 || res.StatusCode == http.StatusSwitchingProtocols {
		return res, err
	}
	detached := *res
	detached.Trailer = maps.Clone(res.Trailer)
	detached.Body = &detachedBody{ReadCloser: res.Body, from: res, to: &detached}
	return &detached, nil
}

type detachedBody struct {
	io.ReadCloser
	from, to *http.Response
	reading  sync.Mutex // held by a read, which may change the trailers of from
}

// Read implements io.Reader.
func (d *detachedBody) Read(p []byte) (int, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	return d.ReadCloser.Read(p)
}

// Close implements io.Closer. What is closed while it is read has no trailers yet.
func (d *detachedBody) Close() error {
	err := d.ReadCloser.Close()
	if d.reading.TryLock() {
		defer d.reading.Unlock()
		d.to.Trailer = d.from.Trailer
	}
	return err
}

// firstPiece is a body with a first piece that has been read, or is being read by a goroutine.
type firstPiece struct {
	io.ReadCloser
	filled chan struct{} // closed when the goroutine has ended; nil without one
	buffer []byte        // from buffers; nil when it was given back
	piece  []byte        // what is left of the first piece, in buffer
	err    error         // behind the piece
}

func (f *firstPiece) fill() {
	var n int
	for n == 0 && f.err == nil {
		n, f.err = f.ReadCloser.Read(f.buffer)
	}
	f.piece = f.buffer[:n]
}

// broken returns why there is no first piece. An empty body has none, and is not broken.
func (f *firstPiece) broken() error {
	if len(f.piece) > 0 || errors.Is(f.err, io.EOF) {
		return nil
	}
	return fmt.Errorf("%w: %w", errBrokenAnswer, f.err)
}

func (f *firstPiece) wait() {
	if f.filled != nil {
		<-f.filled
	}
}

// Read implements io.Reader.
func (f *firstPiece) Read(p []byte) (int, error) {
	f.wait()
	if len(f.piece) > 0 {
		n := copy(p, f.piece)
		f.piece = f.piece[n:]
		return n, nil
	}
	if f.err != nil {
		return 0, f.err
	}
	f.release()
	return f.ReadCloser.Read(p)
}

func (f *firstPiece) release() {
	if f.buffer != nil {
		buffers.Put(f.buffer)
		f.buffer, f.piece = nil, nil
	}
}

// Close implements io.Closer. It ends a read that is under way.
func (f *firstPiece) Close() error {
	err := f.ReadCloser.Close()
	f.wait()
	f.release()
	return err
}
