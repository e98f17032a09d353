package listen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/proxy"
	"stagedoor/session/sessiontest"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// boundedServer serves behind Connections. Its handler answers at /, and waits for the test at /wait.
type boundedServer struct {
	*httptest.Server
	connections *Connections
	logs        *observer.ObservedLogs
	waiting     chan chan struct{} // one for each request to /wait, to be closed
}

func newBoundedServer(t *testing.T, secure bool, adjust func(*proxy.ServerConfig)) *boundedServer {
	c := proxy.DefaultServerConfig()
	adjust(&c)
	core, logs := observer.New(zap.WarnLevel)
	s := &boundedServer{logs: logs, waiting: make(chan chan struct{}, 10)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			release := make(chan struct{})
			s.waiting <- release
			<-release
		}
	}))
	s.connections = New(s.Listener, c, zap.New(core))
	s.Listener = s.connections
	s.Config.ConnState = s.connections.StateChanged
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes break off here
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// count returns how many connections there are, and how many of them wait.
func (s *boundedServer) count() (open, waiting int) {
	s.connections.mu.Lock()
	defer s.connections.mu.Unlock()
	return s.connections.open, s.connections.waiting.Len()
}

func (s *boundedServer) await(t *testing.T, open, waiting int) {
	t.Helper()
	sessiontest.Eventually(t, patience, fmt.Sprintf("%d connections are open and %d of them wait", open, waiting), func() bool {
		gotOpen, gotWaiting := s.count()
		return gotOpen == open && gotWaiting == waiting
	})
}

// caller is a connection of a test's.
type caller struct {
	t *testing.T
	net.Conn
	answers *bufio.Reader
}

func (s *boundedServer) call(t *testing.T) *caller {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &caller{t, conn, bufio.NewReader(conn)}
}

func (c *caller) ask(path string) {
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n") // the answer tells
}

func (c *caller) answered() {
	c.t.Helper()
	res, err := http.ReadResponse(c.answers, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("the answer is %v, %v", res, err)
	}
}

// cut wants the connection to be over, without an answer.
func (c *caller) cut() {
	c.t.Helper()
	if _, err := c.answers.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("the connection is not cut: %v", err)
	}
}

func TestNewTakeThePlaceOfThoseThatWait(t *testing.T) {
	s := newBoundedServer(t, false, func(c *proxy.ServerConfig) { c.MaxConnections = 2 })
	silent := s.call(t)
	s.await(t, 1, 1)
	working := s.call(t)
	working.ask("/wait")
	release := <-s.waiting
	s.await(t, 2, 1)
	late := s.call(t)
	silent.cut()
	late.ask("/")
	late.answered() // and now waits for longest, as the other is at work
	s.await(t, 2, 1)
	later := s.call(t)
	late.cut()
	later.ask("/")
	later.answered()
	close(release)
	working.answered()
	s.await(t, 2, 2)
	if n := s.logs.Len(); n != 1 {
		t.Errorf("the log has %d lines about it, want 1 a minute", n)
	}
}

func TestConnectionsBeyondThoseAtWorkAreRefused(t *testing.T) {
	s := newBoundedServer(t, false, func(c *proxy.ServerConfig) { c.MaxConnections = 1 })
	working := s.call(t)
	working.ask("/wait")
	release := <-s.waiting
	s.call(t).cut()
	s.await(t, 1, 0)
	close(release)
	working.answered()
	_ = working.Close()
	s.await(t, 0, 0)
	next := s.call(t)
	next.ask("/")
	next.answered()
}

func TestEncryptedConnectionsWaitToo(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := newBoundedServer(t, true, func(c *proxy.ServerConfig) { c.MaxConnections = 2 })
		transport := s.Client().Transport.(*http.Transport).Clone()
		t.Cleanup(transport.CloseIdleConnections)
		transport.ForceAttemptHTTP2 = http2
		res, err := (&http.Client{Transport: transport}).Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		s.await(t, 1, 1)
		handshaking := s.call(t)
		s.await(t, 2, 2)
		go func() {
			res, err := (&http.Client{Transport: transport}).Get(s.URL + "/wait")
			if err == nil {
				_ = res.Body.Close()
			}
		}()
		release := <-s.waiting
		s.await(t, 2, 1)
		s.call(t)
		handshaking.cut()
		close(release)
		s.await(t, 2, 2)
	}
}

func TestPeersThatDoNotReadAreCut(t *testing.T) {
	s := newBoundedServer(t, false, func(c *proxy.ServerConfig) { c.WriteStallTimeout = 20 * time.Millisecond })
	failed := make(chan error, 1)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 1<<20); ; {
			if _, err := w.Write(piece); err != nil {
				failed <- err
				return
			}
		}
	})
	s.call(t).ask("/")
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write failed with %v", err)
	}
	s.await(t, 0, 0)
}

// slowPeer takes one byte, whatever the deadline.
type slowPeer struct {
	net.Conn
	taken int
}

func (*slowPeer) SetWriteDeadline(time.Time) error { return nil }

func (s *slowPeer) Write(p []byte) (int, error) {
	s.taken++
	if len(p) == 1 {
		return 1, nil
	}
	return 1, os.ErrDeadlineExceeded
}

func TestPeersThatReadSlowlyAreNotCut(t *testing.T) {
	peer := &slowPeer{}
	c := &connection{Conn: peer, home: New(nil, proxy.DefaultServerConfig(), zap.NewNop())}
	if n, err := c.Write(make([]byte, 100)); n != 100 || err != nil || peer.taken != 100 {
		t.Errorf("%d bytes in %d writes, %v", n, peer.taken, err)
	}
}

func TestLimitsOfConnectionsChange(t *testing.T) {
	l := New(nil, proxy.ServerConfig{MaxConnections: 1}, zap.NewNop())
	first, second, third := &connection{home: l}, &connection{home: l}, &connection{home: l}
	if outdone := l.admit(first); outdone != nil {
		t.Fatal("the first connection is one too many")
	}
	l.SetLimits(proxy.ServerConfig{MaxConnections: 2})
	if outdone := l.admit(second); outdone != nil {
		t.Error("a raised limit does not hold")
	}
	l.SetLimits(proxy.ServerConfig{MaxConnections: 1})
	if outdone := l.admit(third); outdone != first {
		t.Error("a lowered limit does not hold")
	}
}
