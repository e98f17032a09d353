package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// stallBody is a request body that may stream for as long as it likes, but ends when the client sends nothing for the stall timeout. Only the
// time of reads counts: a slow upstream is not a stall of the client.
type stallBody struct {
	clientBody
	w     *responseWriter
	stall time.Duration
	http2 bool
	ended bool // its last byte was read
}

// boundStalls returns the request with a body that ends when the client stalls, if it has one.
func boundStalls(w *responseWriter, r *http.Request, x *exchange, stall time.Duration) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	body := &stallBody{
		clientBody: clientBody{source: r.Body}, w: w, stall: stall, http2: r.ProtoMajor >= 2,
	}
	x.body = &body.clientBody
	repeatable := &repeatBody{source: body}
	bounded := *r
	bounded.Body, _ = repeatable.begin() // the first one never fails
	bounded.GetBody = repeatable.begin
	return &bounded
}

// Read implements io.Reader. On HTTP/2 a deadline ends the body even if it is not read. On HTTP/1 it stays for net/http, which
// reads what the upstream has left, and removes it at the end of the body: from then on it would end the request.
func (b *stallBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	_ = b.w.SetReadDeadline(time.Now().Add(b.stall)) // fails when the request has been served, and so does Read
	n, err := b.clientBody.Read(p)
	b.ended = errors.Is(err, io.EOF)
	if b.http2 {
		_ = b.w.SetReadDeadline(time.Time{})
	}
	return n, err
}
