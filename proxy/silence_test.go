package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/internal/dial"
	"stagedoor/session/sessiontest"
)

// silenceNoticed is how long a test waits for what takes at most 10 s. Without the checks of package dial it takes 30 s on a
// busy connection, and many minutes on an idle one.
const silenceNoticed = 20 * time.Second

// idleConnections is how many requests for /meet wait for each other.
const idleConnections = 4

// silentServer is a server behind a faultproxy. It answers at once, but for the path /hang.
type silentServer struct {
	*httptest.Server
	network   *faultproxy.Proxy
	transport dial.Transport
	opened    atomic.Int32 // connections that the transport has made
	closed    atomic.Int32 // those of them that it has closed
}

func newSilentServer(t *testing.T, http2 bool) *silentServer {
	t.Helper()
	s := &silentServer{transport: NewTransport(DefaultUpstreamConfig())}
	end := make(chan struct{})
	var together sync.WaitGroup
	together.Add(idleConnections)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/hang":
			<-end
		case "/meet": // so that each has a connection of its own
			together.Done()
			together.Wait()
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = http2
	if http2 {
		s.StartTLS()
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		s.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	var err error
	if s.network, err = faultproxy.Listen(s.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.network.Close)
	t.Cleanup(func() { close(end) })
	t.Cleanup(s.transport.CloseIdleConnections)
	connect := s.transport.DialContext
	s.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		s.opened.Add(1)
		return &countedConn{Conn: c, closed: &s.closed}, nil
	}
	return s
}

// countedConn counts its end, once.
type countedConn struct {
	net.Conn
	ended  atomic.Bool
	closed *atomic.Int32
}

func (c *countedConn) Close() error {
	if c.ended.CompareAndSwap(false, true) {
		c.closed.Add(1)
	}
	return c.Conn.Close()
}

// get asks for a path and returns what the server says.
func (s *silentServer) get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http"+map[bool]string{true: "s"}[s.EnableHTTP2]+"://"+s.network.Addr()+path, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := s.transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// Packets of a connection vanish in both directions, with no FIN and no RST, while new connections work: a NAT that forgot.
func TestSilentConnectionIsReplaced(t *testing.T) {
	sessiontest.OnlyLong(t, "silence is noticed after 9 s")
	for protocol, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(protocol+" busy", func(t *testing.T) {
			t.Parallel()
			s := newSilentServer(t, http2)
			if got, err := s.get(t.Context(), "/"); got != protocol || err != nil {
				t.Fatalf("%s, %v", got, err)
			}
			s.network.Silence()
			begun := time.Now()
			if _, err := s.get(t.Context(), "/hang"); err == nil {
				t.Error("an answer came over a dead connection")
			}
			if took := time.Since(begun); took > silenceNoticed {
				t.Errorf("a request on a dead connection ended after %v", took)
			}
			if got, err := s.get(t.Context(), "/"); got != protocol || err != nil {
				t.Errorf("the request behind it: %s, %v", got, err)
			}
		})
		t.Run(protocol+" idle", func(t *testing.T) {
			t.Parallel()
			s := newSilentServer(t, http2)
			if got, err := s.get(t.Context(), "/"); got != protocol || err != nil {
				t.Fatalf("%s, %v", got, err)
			}
			s.network.Silence()
			sessiontest.Eventually(t, silenceNoticed, "the dead connection is closed", func() bool { return s.closed.Load() == 1 })
			if got, err := s.get(t.Context(), "/"); got != protocol || err != nil {
				t.Errorf("the next request: %s, %v", got, err)
			}
		})
	}
}

// A server that is stuck acknowledges what it never answers. The first request to time out is the last one that does.
func TestTimeoutDropsIdleConnections(t *testing.T) {
	s := newSilentServer(t, false)
	var all sync.WaitGroup
	for range idleConnections {
		all.Go(func() { _, _ = s.get(t.Context(), "/meet") })
	}
	all.Wait()
	if n := s.opened.Load(); n != idleConnections {
		t.Fatalf("%d connections are open, want %d", n, idleConnections)
	}
	s.network.Set(faultproxy.Fault{HoldRequests: true})
	s.transport.ResponseHeaderTimeout = 50 * time.Millisecond
	if _, err := s.get(t.Context(), "/"); !isTimeout(err) {
		t.Fatalf("a held request ends with %v", err)
	}
	sessiontest.Eventually(t, patience, "every idle connection is closed", func() bool { return s.closed.Load() == s.opened.Load() })
}
