package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is a server that answers the first request of all with raw bytes, and every other with "second". It closes the
// first connection behind its answer if told so.
type script struct {
	net.Listener
	raw   string
	close bool
	came  chan struct{} // closed when the first request has come

	mu       sync.Mutex // guards what follows
	requests int
	conns    int
}

func newScript(t testing.TB, raw string, closes bool) *script {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{Listener: listener, raw: raw, close: closes, came: make(chan struct{})}
	go s.serve()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *script) serve() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
		go s.talk(conn)
	}
}

func (s *script) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if first := s.note(); !first {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
			continue
		}
		_, _ = io.WriteString(conn, s.raw)
		if s.close {
			return
		}
	}
}

func (s *script) note() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.requests == 1 {
		close(s.came)
		return true
	}
	return false
}

func (s *script) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// heard is what a transport makes of a script's answer.
type heard struct {
	failed  bool // to get an answer, or to read it
	status  int
	header  http.Header
	trailer http.Header
	body    string
	early   []int
	next    string // what a second request then gets
}

func listen(t testing.TB, transport http.RoundTripper, s *script, method string) heard {
	t.Helper()
	var h heard
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			h.early = append(h.early, code)
			return nil
		},
	})
	h.failed = true
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addr().String()+"/first", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := transport.RoundTrip(r); err == nil {
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		h.failed, h.status, h.header, h.trailer, h.body = err != nil, res.StatusCode, res.Header, res.Trailer, string(body)
	}
	again, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+"/second", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(again)
	if err != nil {
		h.next = "error"
		return h
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	h.next = string(body)
	return h
}

// limitsOfTests are short, so that what hangs is told from what works.
func limitsOfTests() UpstreamConfig {
	return UpstreamConfig{ConnectTimeout: patience, HeaderTimeout: patience, MaxHeader: 4 << 10}
}

// newBoth returns direct and the http.Transport that it has to be like.
func newBoth(t testing.TB, c UpstreamConfig) (ours *direct, theirs *http.Transport) {
	t.Helper()
	ours, theirs = newDirect(c, newTransport(c)), newTransport(c)
	t.Cleanup(ours.CloseIdleConnections)
	t.Cleanup(theirs.CloseIdleConnections)
	return ours, theirs
}

// answersAsTheyCome are what servers send, well and badly. Those without a length end with their connection.
var answersAsTheyCome = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
	"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n5\r\nhello\r\n0\r\nX-Late: 1\r\n\r\n",
	"HTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 401 Unauthorized\r\nWww-Authenticate: Bearer error=\"invalid_token\"\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled",
	"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 3<<10) + "\r\nContent-Length: 5\r\n\r\nhello",
}

// answersThatEnd come over a connection that ends behind them.
var answersThatEnd = []string{
	"HTTP/1.1 200 OK\r\n\r\nuntil the end", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "", "HTTP/1.1", "nonsense\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200 OK\r\nX", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 99 \r\n\r\n",
}

// Whatever a server says, direct makes of it what http.Transport does, and the next request gets its own answer.
func TestDirectHearsWhatTransportHears(t *testing.T) {
	for closes, answers := range map[bool][]string{false: answersAsTheyCome, true: answersThatEnd} {
		for _, raw := range answers {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
				compareHearing(t, raw, closes, method)
			}
		}
	}
}

func compareHearing(t *testing.T, raw string, closes bool, method string) {
	t.Helper()
	ours, theirs := newBoth(t, limitsOfTests())
	got, want := listen(t, ours, newScript(t, raw, closes), method), listen(t, theirs, newScript(t, raw, closes), method)
	if want.status == http.StatusSwitchingProtocols { // which direct never asks for
		want = heard{failed: true}
	}
	// http.Transport may send the second request before it sees what stands behind the first answer, and takes that for the
	// second one. direct must never.
	want.next = "second"
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s, %.80q:\n got %+v\nwant %+v", method, raw, got, want)
	}
}

// A connection carries another request only while nothing is amiss with it.
func TestDirectUsesConnectionsAgain(t *testing.T) {
	for name, c := range map[string]struct {
		raw   string
		conns int
	}{
		"read to its end":        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1},
		"chunks":                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1},
		"without a body":         {"HTTP/1.1 204 No Content\r\n\r\n", 1},
		"told to close":          {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 2},
		"something behind it":    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n", 2},
		"something behind a 204": {"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 2},
	} {
		ours, _ := newBoth(t, limitsOfTests())
		s := newScript(t, c.raw, false)
		h := listen(t, ours, s, http.MethodGet)
		if conns := s.connections(); conns != c.conns || h.next != "second" {
			t.Errorf("%s: %d connections, want %d; the second request got %q", name, conns, c.conns, h.next)
		}
	}
}

// What comes over a connection while it waits belongs to nobody.
func TestPeekQuiet(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	for name, act := range map[string]func(net.Conn) error{
		"it speaks": func(c net.Conn) error { _, err := io.WriteString(c, "x"); return err },
		"it ends":   func(c net.Conn) error { return c.Close() },
	} {
		here, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		there, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if !peekQuiet(here) {
			t.Errorf("before %s, the connection is not quiet", name)
		}
		if err := act(there); err != nil {
			t.Fatal(err)
		}
		quiet := true
		for deadline := time.Now().Add(patience); quiet && time.Now().Before(deadline); {
			quiet = peekQuiet(here)
		}
		if quiet {
			t.Errorf("when %s, the connection is still quiet", name)
		}
		_, _ = here.Close(), there.Close()
	}
	pipe, _ := net.Pipe()
	if peekQuiet(pipe) {
		t.Error("a connection that nobody can look at is taken for quiet")
	}
}

func TestDirectEndsWithItsRequest(t *testing.T) {
	ours, _ := newBoth(t, limitsOfTests())
	for name, raw := range map[string]string{
		"before the header": "", "in the body": "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
	} {
		s := newScript(t, raw, false)
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr().String()+"/", nil)
		go func() {
			<-s.came
			cancel()
		}()
		res, err := ours.RoundTrip(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if waiting := ours.pool.waiting[s.Addr().String()]; len(waiting) > 0 {
			t.Errorf("%s: the connection of a request that ended waits for another", name)
		}
		cancel()
	}
}

func TestDirectWaitsNoLongerThanItMay(t *testing.T) {
	limits := limitsOfTests()
	limits.HeaderTimeout = 20 * time.Millisecond
	ours, _ := newBoth(t, limits)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+newScript(t, "", false).Addr().String(), nil)
	if _, err := ours.RoundTrip(r); !errors.Is(err, os.ErrDeadlineExceeded) || !isTimeout(err) {
		t.Errorf("no answer: %v", err)
	}
}

// A write is sent once, whatever becomes of its connection; a read once more when it was not answered at all.
func TestDirectRepeatsReadsAlone(t *testing.T) {
	for method, want := range map[string]int{http.MethodGet: 2, http.MethodHead: 2, http.MethodPost: 1, http.MethodPut: 1} {
		ours, _ := newBoth(t, limitsOfTests())
		var mu sync.Mutex
		requests := 0
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() { // each connection answers one request and ends with the next one
			for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
				go func() {
					in := bufio.NewReader(conn)
					for answered := false; ; answered = true {
						r, err := http.ReadRequest(in)
						if err != nil {
							return
						}
						if r.URL.Path == "/now" {
							mu.Lock()
							requests++
							mu.Unlock()
						}
						if answered {
							_ = conn.Close()
							return
						}
						_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
					}
				}()
			}
		}()
		warm, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/warm", nil)
		if _, err := ours.RoundTrip(warm); err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), method, "http://"+listener.Addr().String()+"/now", nil)
		_, err = ours.RoundTrip(r)
		mu.Lock()
		if requests != want || (err == nil) != (want == 2) {
			t.Errorf("%s: sent %d times with %v, want %d", method, requests, err, want)
		}
		mu.Unlock()
	}
}

func TestDirectKeepsFewConnections(t *testing.T) {
	var p directPool
	for range maxDirectIdle + 10 {
		mine, _ := net.Pipe()
		p.put(&directConnection{Conn: mine, key: "host"})
	}
	if n := len(p.waiting["host"]); n != maxDirectIdle {
		t.Errorf("%d connections wait, want %d", n, maxDirectIdle)
	}
	first := p.waiting["host"][0]
	p.keepIdle(func(c *directConnection) bool { return c == first })
	if left := p.waiting["host"]; len(left) != 1 || left[0] != first || p.sweeper == nil {
		t.Errorf("%d connections are left, want one", len(left))
	}
	p.sweep() // nobody can look at a pipe
	if n := len(p.waiting["host"]); n != 0 || p.sweeper != nil {
		t.Errorf("%d connections are left", n)
	}
}

// FuzzDirect compares what both transports make of an answer. They need not fail at the same point.
func FuzzDirect(f *testing.F) {
	for _, raw := range append(answersThatEnd, answersAsTheyCome...) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		ours, theirs := newBoth(t, limitsOfTests())
		got, want := listen(t, ours, newScript(t, raw, true), http.MethodGet), listen(t, theirs, newScript(t, raw, true), http.MethodGet)
		if got.failed && (want.failed || want.status == http.StatusSwitchingProtocols) {
			return
		}
		want.next = "second" // which http.Transport may miss when something came behind the first answer
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q:\n got %+v\nwant %+v", raw, got, want)
		}
	})
}
