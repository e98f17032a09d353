package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// What a sending reads that has been given up is not lost for the next one.
func TestRepeatBodyHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, sender := io.Pipe()
		b := &repeatBody{source: client}
		first, _ := b.begin()
		go func() { _, _ = first.Read(make([]byte, 100)) }()
		synctest.Wait() // it waits for the client
		second, err := b.begin()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(sender, "one ")
			_, _ = io.WriteString(sender, "two")
			_ = sender.Close()
		}()
		got, err := io.ReadAll(second)
		if string(got) != "one two" || err != nil {
			t.Errorf("the second sending has %q, %v", got, err)
		}
		if _, err := first.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("the first one goes on: %v", err)
		}
		third, _ := b.begin()
		if got, _ := io.ReadAll(third); string(got) != "one two" {
			t.Errorf("the third sending has %q", got)
		}
	})
}

func TestRepeatBodyKeepsLittle(t *testing.T) {
	for size, want := range map[int]error{maxRepeatBody: nil, maxRepeatBody + 1: errNotKept} {
		b := &repeatBody{source: strings.NewReader(strings.Repeat("x", size))}
		first, _ := b.begin()
		if n, err := io.Copy(io.Discard, first); n != int64(size) || err != nil {
			t.Errorf("%d bytes of %d, %v", n, size, err)
		}
		if _, err := b.begin(); !errors.Is(err, want) {
			t.Errorf("after %d bytes: %v, want %v", size, err, want)
		}
	}
}

// drainingServer speaks HTTP/2 and drains a connection (GOAWAY, RFC 9113 section 6.8) with every 20th answer. It counts what
// it has carried out.
type drainingServer struct {
	*httptest.Server
	requests atomic.Int64

	mu   sync.Mutex     // guards done
	done map[string]int // by what was asked
}

func newDrainingServer(t *testing.T) *drainingServer {
	s := &drainingServer{done: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.done[r.URL.RawQuery]++
		s.mu.Unlock()
		if s.requests.Add(1)%20 == 0 {
			w.Header().Set("Connection", "close")
		}
		_, _ = io.WriteString(w, r.Proto+" "+strconv.Itoa(len(body)))
	}))
	s.EnableHTTP2, s.Config.ErrorLog = true, noErrorLog // connections that no request needed after all
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// trusting returns a transport that knows a test server's certificate.
func trusting(t *testing.T, s *httptest.Server) http.RoundTripper {
	transport := NewTransport(DefaultUpstreamConfig())
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// Whatever has a body that is short is sent again when an HTTP/2 connection is drained, and carried out once.
func TestDrainedConnectionsFailNoRequest(t *testing.T) {
	t.Parallel()
	const requests, clients, size = 100, 8, 20 << 10
	for route, path := range map[string]string{"the API": "/api/x", "a frontend": "/x"} {
		server := newDrainingServer(t)
		s := newStage(t, func(o *Options) {
			o.Transport, o.APIURL, o.Routes[1].Upstream = trusting(t, server.Server), server.URL+"/v1", server.URL
		})
		var next atomic.Int64
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for n := next.Add(1); n <= requests; n = next.Add(1) {
					a := s.do("PUT", path+"?"+strconv.FormatInt(n, 10), loggedIn(), strings.NewReader(strings.Repeat("x", size)))
					if a.StatusCode != 200 || a.body != "HTTP/2.0 "+strconv.Itoa(size) {
						t.Errorf("%s: request %d is answered %d %s", route, n, a.StatusCode, a.body)
					}
				}
			})
		}
		all.Wait()
		server.mu.Lock()
		for query, n := range server.done {
			if n != 1 {
				t.Errorf("%s: request %s was carried out %d times", route, query, n)
			}
		}
		server.mu.Unlock()
	}
}

// A write whose answer is lost may have been carried out. It is not sent again, whatever its client says about it.
func TestExecutedWritesAreNotRepeated(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for _, body := range []string{"", "a body"} {
			for route, path := range map[string]string{"the API": "/api/x", "a frontend": "/x"} {
				var sent atomic.Int64
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if r.Method == http.MethodPost {
						sent.Add(1)
						panic(http.ErrAbortHandler) // closes the connection, or the stream
					}
				}))
				server.EnableHTTP2 = http2
				server.StartTLS()
				t.Cleanup(server.Close)
				s := newStage(t, func(o *Options) {
					o.Transport, o.APIURL, o.Routes[1].Upstream = trusting(t, server), server.URL+"/v1", server.URL
				})
				s.get(path, loggedIn()).ok(t, 200) // a connection that has been used is one on which net/http repeats
				h := loggedIn("Idempotency-Key: 0a1b2c3d", "X-Idempotency-Key: 0a1b2c3d")
				s.do("POST", path, h, strings.NewReader(body)).rejected(t, 502, "UPSTREAM_UNREACHABLE")
				if n := sent.Load(); n != 1 {
					t.Errorf("%s, HTTP/2 %t, %q: sent %d times", route, http2, body, n)
				}
			}
		}
	}
}

// A frontend gets the key all the same.
func TestIdempotencyKeyReachesTheFrontend(t *testing.T) {
	s := newStage(t)
	s.do("POST", "/x", header("Idempotency-Key: 0a1b2c3d"), strings.NewReader("x")).ok(t, 204)
	if got := s.frontend.one(t).Header.Get("Idempotency-Key"); got != "0a1b2c3d" {
		t.Errorf("the key is %q", got)
	}
}
