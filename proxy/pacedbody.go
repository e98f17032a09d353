package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// pacedBody is a request body that may stream for as long as it likes, but makes no longer pause than so. Only the time in
// which somebody wants to read counts: a slow upstream is not the client's fault.
type pacedBody struct {
	faultyReader
	w     *responseWriter
	pause time.Duration
	http2 bool
	ended bool // its last byte was read
}

// paceBody returns the request with a paced body, if it has one.
func paceBody(w *responseWriter, r *http.Request, x *exchange, pause time.Duration) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	body := &pacedBody{
		faultyReader: faultyReader{source: r.Body}, w: w, pause: pause, http2: r.ProtoMajor >= 2,
	}
	x.body = &body.faultyReader
	repeatable := &repeatBody{source: body}
	paced := *r
	paced.Body, _ = repeatable.begin() // the first one never fails
	paced.GetBody = repeatable.begin
	return &paced
}

// Read implements io.Reader. On HTTP/2 a deadline ends the body even if nobody reads. On HTTP/1 it stays for net/http, which
// reads what the upstream has left, and removes it at the end of the body: from then on it would end the request.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	_ = b.w.SetReadDeadline(time.Now().Add(b.pause)) // fails when the request has been served, and so does Read
	n, err := b.faultyReader.Read(p)
	b.ended = errors.Is(err, io.EOF)
	if b.http2 {
		_ = b.w.SetReadDeadline(time.Time{})
	}
	return n, err
}
