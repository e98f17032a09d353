package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// farServer is an HTTP/2 server over TLS without a network, which counts.
type farServer struct {
	net.Listener
	config   *tls.Config
	server   *http.Server
	incoming chan net.Conn

	mu       sync.Mutex // guards what follows
	down     bool
	dialed   []time.Time // when somebody tried to connect
	open     []net.Conn
	requests int
}

func newFarServer(t *testing.T) *farServer {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.EnableHTTP2 = true
	secure.StartTLS() // for its certificate
	config := secure.TLS.Clone()
	secure.Close()
	f := &farServer{config: config}
	f.server = &http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.requests++
		}),
		TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0),
	}
	return f
}

// Accept implements net.Listener.
func (f *farServer) Accept() (net.Conn, error) {
	connection, open := <-f.incoming
	if !open {
		return nil, net.ErrClosed
	}
	return connection, nil
}

// Close implements net.Listener.
func (f *farServer) Close() error { return nil }

// Addr implements net.Listener.
func (f *farServer) Addr() net.Addr { return &net.TCPAddr{} }

func (f *farServer) connect(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	f.mu.Lock()
	f.dialed = append(f.dialed, time.Now())
	down := f.down
	f.open = append(f.open, theirs)
	f.mu.Unlock()
	if down {
		return nil, errors.New("connection refused")
	}
	f.incoming <- theirs
	return ours, nil
}

// hangUp closes all connections.
func (f *farServer) hangUp(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
	for _, connection := range f.open {
		_ = connection.Close()
	}
	f.open = nil
}

func (f *farServer) counts() (dialed, requests int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.dialed), f.requests
}

// warmed runs a test of a transport that is kept warm, in a bubble: time passes at once.
func warmed(t *testing.T, test func(t *testing.T, f *farServer, transport Transport)) {
	f := newFarServer(t)
	synctest.Test(t, func(t *testing.T) {
		f.incoming = make(chan net.Conn)
		go func() { _ = f.server.ServeTLS(f, "", "") }()
		transport := NewTransport(&http.Transport{
			DialContext: f.connect, HTTP2: HTTP2(), ForceAttemptHTTP2: true, IdleConnTimeout: IdleTimeout,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var warm sync.WaitGroup
		warm.Go(func() { transport.KeepWarm(ctx, "https://api.example/v1") })
		synctest.Wait()
		test(t, f, transport)
		cancel()
		warm.Wait()
		transport.CloseIdleConnections()
		close(f.incoming)
		_ = f.server.Close()
	})
}

func ask(t *testing.T, transport Transport) {
	t.Helper()
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/v1/me", nil)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}

// The first call, and the one after a pause of an hour, find a connection; opening it was no request.
func TestConnectionIsThereBeforeItIsNeeded(t *testing.T) {
	warmed(t, func(t *testing.T, f *farServer, transport Transport) {
		if dialed, requests := f.counts(); dialed != 1 || requests != 0 {
			t.Errorf("at the start %d connections were made and %d requests, want 1 and none", dialed, requests)
		}
		ask(t, transport)
		time.Sleep(time.Hour)
		ask(t, transport)
		if dialed, requests := f.counts(); dialed != 1 || requests != 2 {
			t.Errorf("%d connections were made and %d requests, want 1 and 2", dialed, requests)
		}
	})
}

// A connection that the server closes is replaced before it is needed, as long as there are users.
func TestLastConnectionIsReplaced(t *testing.T) {
	warmed(t, func(t *testing.T, f *farServer, transport Transport) {
		time.Sleep(time.Hour)
		f.hangUp(false)
		time.Sleep(firstPause)
		if dialed, _ := f.counts(); dialed != 2 {
			t.Errorf("%d connections were made, want another one for the closed one", dialed)
		}
		ask(t, transport)
		if dialed, requests := f.counts(); dialed != 2 || requests != 1 {
			t.Errorf("%d connections were made and %d requests, want 2 and 1", dialed, requests)
		}
		time.Sleep(activeFor + time.Minute)
		f.hangUp(false)
		time.Sleep(time.Hour)
		if dialed, _ := f.counts(); dialed != 2 {
			t.Errorf("%d connections were made, want none without users", dialed)
		}
	})
}

// A server that is down, or closes what it has accepted, is not asked often.
func TestServerThatIsDownIsLeftAlone(t *testing.T) {
	for _, down := range []bool{true, false} {
		warmed(t, func(t *testing.T, f *farServer, _ Transport) {
			time.Sleep(time.Hour)
			for range 10 * 60 {
				f.hangUp(down)
				time.Sleep(time.Second)
			}
			f.mu.Lock()
			dialed := f.dialed[1:]
			f.mu.Unlock()
			if len(dialed) < 8 || len(dialed) > 16 {
				t.Errorf("down %t: %d attempts in ten minutes, want some, fewer and fewer", down, len(dialed))
			}
			for i := 1; i < len(dialed); i++ {
				if between := dialed[i].Sub(dialed[i-1]); between < firstPause {
					t.Errorf("down %t: two attempts within %v", down, between)
				}
			}
			f.hangUp(false)
			time.Sleep(2 * longestPause)
			f.mu.Lock()
			defer f.mu.Unlock()
			if len(f.open) == 0 {
				t.Errorf("down %t: there is no connection to a server that is back", down)
			}
		})
	}
}

// Over a real network, and for HTTP/1.1 as well.
func TestConnectionIsOpenedAhead(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		opened := make(chan struct{}, 10)
		requests := make(chan string, 10)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { requests <- r.URL.Path }))
		server.EnableHTTP2 = http2
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // the end of a handshake that nobody needs any more
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened <- struct{}{}
			}
		}
		server.StartTLS()
		transport := NewTransport(&http.Transport{
			DialContext: New(time.Minute).DialContext, HTTP2: HTTP2(), ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var warm sync.WaitGroup
		warm.Go(func() { transport.KeepWarm(ctx, server.URL) })
		<-opened
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/me", nil)
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if path := <-requests; path != "/me" || len(requests) > 0 {
			t.Errorf("HTTP/2 %t: a request for %q left, and %d others", http2, path, len(requests))
		}
		cancel()
		warm.Wait()
		transport.CloseIdleConnections()
		server.Close()
	}
}

func TestPlainHTTPIsNotOpenedAhead(t *testing.T) {
	transport := NewTransport(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		t.Error("a connection was opened")
		return nil, net.ErrClosed
	}})
	transport.KeepWarm(t.Context(), "http://127.0.0.1:9000/v1")
}
