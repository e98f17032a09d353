package listen

import (
	"container/list"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"stagedoor/proxy"

	"go.uber.org/zap"
)

// Connections is the public listener, bounded: so many connections at a time, and none with a peer that has stopped reading.
// When it is full, a new connection replaces the one that has been without a request for longest. The new one is rejected only
// when all have requests. So a client that opens connections without requests displaces only such connections. It is
// safe for concurrent use.
type Connections struct {
	net.Listener
	stall atomic.Int64 // a time.Duration
	log   *zap.Logger
	// secure means that the listener speaks TLS.
	secure bool
	wrong  openings

	mu      sync.Mutex // guards what follows, and place and closed of all connections
	max     int
	open    int
	waiting list.List // of *connection without a request, the longest first
	warned  time.Time // of being full
}

// warnEvery is how often the log says that there are too many connections.
const warnEvery = time.Minute

// New bounds a listener by MaxConnections and WriteStallTimeout of a checked configuration. The server's
// ConnState must be StateChanged.
func New(listener net.Listener, c proxy.ServerConfig, log *zap.Logger) *Connections {
	l := &Connections{Listener: listener, log: log, secure: c.TLS.CertFile != ""}
	l.SetLimits(c)
	return l
}

// SetLimits takes MaxConnections and WriteStallTimeout of another configuration. Connections that are too many now stay
// until they end or a new one replaces them.
func (l *Connections) SetLimits(c proxy.ServerConfig) {
	l.stall.Store(int64(c.WriteStallTimeout))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = c.MaxConnections
}

// Accept implements net.Listener.
func (l *Connections) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: accepted, home: l}
		outdone := l.admit(c)
		if outdone != nil {
			_ = outdone.Close() // it carries no request
		}
		if outdone != c {
			return c, nil
		}
	}
}

// admit takes a connection in and returns the one that has to go for it, if any.
func (l *Connections) admit(c *connection) (outdone *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.max {
		l.warnLocked()
		if l.waiting.Len() == 0 {
			c.closed = true // it was never counted
			return c
		}
		outdone = l.waiting.Front().Value.(*connection)
		l.leaveLocked(outdone)
	}
	l.open++
	c.place = l.waiting.PushBack(c)
	return outdone
}

func (l *Connections) warnLocked() {
	if now := time.Now(); now.Sub(l.warned) >= warnEvery {
		l.warned = now
		l.log.Warn("there are as many connections as server.max_connections allows; new ones take the place of those that wait",
			zap.Int("max", l.max), zap.Int("waiting", l.waiting.Len()))
	}
}

// leaveLocked forgets a connection that is closed, or will be. Twice is fine.
func (l *Connections) leaveLocked(c *connection) {
	if c.closed {
		return
	}
	c.closed = true
	l.open--
	l.workLocked(c)
}

// workLocked records that a connection no longer waits.
func (l *Connections) workLocked(c *connection) {
	if c.place != nil {
		l.waiting.Remove(c.place)
		c.place = nil
	}
}

// StateChanged is for http.Server.ConnState: it tells which connections have a request.
func (l *Connections) StateChanged(conn net.Conn, state http.ConnState) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	c, ours := conn.(*connection)
	if !ours {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateActive, http.StateHijacked:
		l.workLocked(c)
	case http.StateIdle:
		if c.place == nil && !c.closed {
			c.place = l.waiting.PushBack(c)
		}
	}
}

// connection is one that Connections counts.
type connection struct {
	net.Conn
	home   *Connections
	place  *list.Element // in home.waiting; nil while there is a request
	closed bool
	opened bool // its first bytes were read; only Read touches it, which net/http does not call twice at a time
}

// Read implements net.Conn. It checks the first bytes.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.opened && n > 0 {
		c.opened = true
		if problem := opening(p[:n], c.home.secure); problem != "" {
			c.home.wrong.warn(c.home.log, problem, c.RemoteAddr().String())
		}
	}
	return n, err
}

// Write goes on for as long as the peer takes something now and then. When it has taken nothing for the stall timeout, the
// connection is closed, so that whatever waits for it ends. An answer that sends nothing for a while is not affected.
func (c *connection) Write(p []byte) (int, error) {
	written := 0
	for {
		_ = c.SetWriteDeadline(time.Now().Add(time.Duration(c.home.stall.Load()))) // fails on a closed connection, and so does Write
		n, err := c.Conn.Write(p[written:])
		written += n
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return written, err
		case n == 0:
			_ = c.Close() // the error says enough
			return written, err
		}
	}
}

// CloseWrite lets a client read its last answer before the connection ends, although it is still sending.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.home.mu.Lock()
	c.home.leaveLocked(c)
	c.home.mu.Unlock()
	return c.Conn.Close()
}
