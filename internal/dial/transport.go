package dial

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// IdleTimeout is for http.Transport's IdleConnTimeout where connections are kept for whoever asks next: HTTP2 finds out
// which are dead.
const IdleTimeout = 2 * time.Hour

// Transport is an http.Transport that takes no idle connection any more once a request has timed out: where one was dead,
// others may be, and each would cost another request its whole timeout. It knows how many connections are open; see KeepWarm.
type Transport struct {
	*http.Transport
	open *openConnections
}

// NewTransport makes a Transport of what is set in t, which must not be used in any other way.
func NewTransport(t *http.Transport) Transport {
	open := &openConnections{closed: make(chan struct{}, 1)}
	connect := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if giveUp, opening := ctx.Value(openingKey{}).(context.CancelFunc); opening {
			giveUp()
		}
		open.add()
		connection, err := connect(ctx, network, address)
		if err != nil {
			open.remove()
			return nil, err
		}
		return &openConnection{Conn: connection, remove: sync.OnceFunc(open.remove)}, nil
	}
	return Transport{t, open}
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.open.used.Store(time.Now().UnixNano())
	res, err := t.Transport.RoundTrip(r)
	var failed net.Error
	if errors.As(err, &failed) && failed.Timeout() {
		t.CloseIdleConnections()
	}
	return res, err
}

// openConnections counts the connections of a transport, those that are being made among them.
type openConnections struct {
	closed chan struct{} // gets one when the last connection is closed, or could not be made
	used   atomic.Int64  // when the last request began, in Unix nanoseconds

	mu sync.Mutex // guards what follows
	n  int
}

func (o *openConnections) add() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n++
}

func (o *openConnections) remove() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.n--; o.n > 0 {
		return
	}
	select {
	case o.closed <- struct{}{}:
	default: // it has one that nobody has taken yet
	}
}

func (o *openConnections) any() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n > 0
}

// openConnection is counted until it is closed.
type openConnection struct {
	net.Conn
	remove func()
}

// Close implements net.Conn.
func (c *openConnection) Close() error {
	err := c.Conn.Close()
	c.remove()
	return err
}
