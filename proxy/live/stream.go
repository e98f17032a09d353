package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

const (
	// commentEvery keeps proxies and readers from taking a quiet stream for a dead one.
	commentEvery = 15 * time.Second
	// retry is how long a reader waits before it connects again, in milliseconds.
	retry = "retry: 2000\n\n"
	// spread is how far the readers of a replica that ends are spread out when they come back, in milliseconds.
	spread = 1000
)

var (
	opening = newPiece(retry)
	// comment is a line that readers ignore.
	comment = newPiece(":\n\n")
)

// Header sets the header of a stream.
func Header(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect events
}

// Farewell tells the reader of a replica that ends when to come back: not all of them at once.
func Farewell() string {
	return fmt.Sprintf("retry: %d\n\n", rand.N(spread+1)) //nolint:gosec // G404: no secret
}

// Serve writes the listener's events until the stream ends, the reader leaves or a write fails. How long a write may take is
// the writer's to bound.
func (l *Listener) Serve(ctx context.Context, w http.ResponseWriter) Result {
	ended := make(chan Result, 1)
	l.begin(&response{w: w, flush: http.NewResponseController(w).Flush}, func(r Result) { ended <- r })
	select {
	case <-ctx.Done():
		l.leave()
		return <-ended
	case r := <-ended:
		return r
	}
}

// response is a stream that goes through net/http.
type response struct {
	w     http.ResponseWriter
	flush func() error
}

func (r *response) write(p piece) error {
	if _, err := r.w.Write(p.text); err != nil {
		return err
	}
	return r.flush()
}

func (*response) end(bool) {}
func (*response) cut()     {} // the context that ended does so

// ServeConn writes the listener's events to the connection of an HTTP/1 request, behind the header of its answer, until the
// stream ends, the reader leaves or a write fails. Then it closes the connection and calls ended. It returns at once: an open
// stream needs only the goroutine that notices when the reader leaves, and none of net/http's buffers. How long a write may
// take is the connection's to bound. With chunked, the header announces that coding (RFC 9112 section 7.1).
func (l *Listener) ServeConn(conn net.Conn, header []byte, chunked bool, ended func(Result)) {
	out := &connection{Conn: conn, header: header, chunked: chunked}
	l.begin(out, ended)
	go out.watch(l)
}

// connection is a stream that has a connection to itself.
type connection struct {
	net.Conn
	header  []byte // not sent yet
	chunked bool
}

func (c *connection) write(p piece) error {
	text := p.text
	if c.chunked {
		text = p.chunk
	}
	if c.header != nil {
		text, c.header = append(c.header, text...), nil
	}
	_, err := c.Write(text)
	return err
}

// end closes the connection, with the last chunk of a complete answer.
func (c *connection) end(complete bool) {
	if complete && c.chunked {
		_, _ = c.Write([]byte("0\r\n\r\n")) // the reader may have left
	}
	_ = c.Close() // nothing is left to lose
}

func (c *connection) cut() { _ = c.Close() }

// watch ends the stream when its reader leaves. A reader that sends something is not read further: whether it is still there
// shows with the next write.
func (c *connection) watch(l *Listener) {
	var one [1]byte
	if _, err := c.Read(one[:]); err != nil {
		l.leave()
	}
}
