package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/outcome"
	"stagedoor/proxy/live"
	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
	"stagedoor/session/sessiontest"
)

// oneLease is always held.
type oneLease struct{}

func (oneLease) Acquire(context.Context, string, string, time.Duration) (bool, error) {
	return true, nil
}

// liveCounts are live.Metrics.
type liveCounts struct {
	mu   sync.Mutex // guards open
	open int
}

func (c *liveCounts) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open += n
}

func (c *liveCounts) StreamOpened()     { c.add(1) }
func (c *liveCounts) StreamClosed()     { c.add(-1) }
func (*liveCounts) Polled(outcome.Poll) {}
func (*liveCounts) Event(outcome.Event) {}

// liveStage is a stage with routes for streams.
type liveStage struct {
	*stage
	hub    *live.Hub
	counts *liveCounts
}

func newLiveStage(t *testing.T, adjust ...func(*Options)) *liveStage {
	t.Helper()
	counts := &liveCounts{}
	hub := live.NewHub(live.Options{
		Config: live.Config{Every: time.Hour, Idle: time.Hour, MaxStreams: 1000}, Leases: oneLease{}, Metrics: counts,
	})
	routes := func(o *Options) {
		o.Live = hub
		o.Routes = append(o.Routes,
			Route{Path: "/live/", Upstream: UpstreamSpotify, Credentials: CredentialsUser, Live: []string{"me/player"}},
			Route{Path: "/onair/", Upstream: UpstreamSpotify, Credentials: AccountPrefix + "radio", Live: []string{"me/player", "me"}},
			Route{Path: "/offair/", Upstream: UpstreamSpotify, Credentials: AccountPrefix + "other", Live: []string{"me/player"}})
	}
	s := newStage(t, append([]func(*Options){routes}, adjust...)...)
	s.api.answer(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, "{\n\t\"href\": \"%s/v1/me\",\r\n \"name\": \"a\\nb\"}", s.api.URL)
	})
	s.sessions.account = notAUsers(t)
	t.Cleanup(hub.Close) // before the server, which waits for HTTP/2's streams
	return &liveStage{s, hub, counts}
}

// notAUsers makes a session that is no user's: the app's, which an account's is like for all that streams know.
func notAUsers(t *testing.T) *session.Session {
	t.Helper()
	store := memstore.New(nil)
	config := session.DefaultConfig()
	config.Keys = []secret.Text{session.NewKey()}
	m, err := session.NewManager(session.Options{
		Config: config, Store: store, Leases: store, Lists: store, Bulk: store, Log: zap.NewNop(),
		App: func(context.Context) (session.Grant, error) {
			return session.Grant{Token: session.Token{Access: secret.New("app-token"), Expiry: time.Now().Add(time.Hour)}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	s, err := m.App(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens a stream and returns it behind its header.
func (s *liveStage) open(client *http.Client, path string, h http.Header) (*http.Response, *bufio.Reader) {
	s.t.Helper()
	r, err := http.NewRequest("GET", "http://"+s.addr+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = h
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	return res, bufio.NewReader(res.Body)
}

// until reads up to a line with this in it.
func until(t *testing.T, stream *bufio.Reader, part string) string {
	t.Helper()
	for text := ""; ; {
		line, err := stream.ReadString('\n')
		text += line
		if err != nil {
			t.Fatalf("%v instead of %q, after %q", err, part, text)
		}
		if strings.Contains(line, part) {
			return text
		}
	}
}

// TestLiveStream reads a stream over HTTP/1.1 and HTTP/2 to its end: header, events, and the access line.
func TestLiveStream(t *testing.T) {
	for i, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		s := newLiveStage(t)
		client := []*http.Client{s.server.Client(), s.http2()}[i]
		res, stream := s.open(client, "/live/me/player", loggedIn("Origin: "+listedOrigin, "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
		h := res.Header
		if res.StatusCode != 200 || res.Proto != protocol || res.ContentLength != -1 || h.Get("Content-Type") != "text/event-stream" ||
			h.Get("Access-Control-Allow-Origin") != listedOrigin || h.Get("Cache-Control") != "no-store" || h.Get("Date") == "" ||
			h.Get("X-Accel-Buffering") != "no" || h.Get("X-Request-Id") == "" || !strings.Contains(strings.Join(h["Vary"], ","), "Cookie") {
			t.Errorf("%s: the answer is %s %v", protocol, res.Proto, h)
		}
		text := until(t, stream, "data: ")
		if want := "data: {\"href\":\"" + s.public + "/api/me\",\"name\":\"a\\nb\"}\n"; !strings.HasPrefix(text, "retry: 2000\n\nevent: state\nid: ") || !strings.HasSuffix(text, want) {
			t.Errorf("%s: the stream begins with %q, want %q", protocol, text, want)
		}
		s.hub.Gone(new(session.Session).Key())
		rest, err := io.ReadAll(stream)
		if err != nil || !strings.HasPrefix(string(rest), "\nevent: ended\ndata: {\"error\":") || !strings.Contains(string(rest), "LOGIN_REQUIRED") {
			t.Errorf("%s: the stream ends with %v, %q", protocol, err, rest)
		}
		line := s.accessLine(0).ContextMap()
		size := int64(len(text) + len(rest))
		if line["status"] != int64(200) || line["events"] != int64(2) || line["path"] != "/live/me/player" || line["route"] != "/live/" || line["method"] != "GET" ||
			line["bytes"] != size || line["session"] == "" || line["trace_id"] != "0af7651916cd43dd8448eb211c80319c" || line["request_id"] != h.Get("X-Request-Id") {
			t.Errorf("%s: the access line is %v, want %d bytes", protocol, line, size)
		}
	}
}

// TestLiveStreamOverHTTP10 reads a stream as nginx does that was not told otherwise.
func TestLiveStreamOverHTTP10(t *testing.T) {
	s := newLiveStage(t)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /onair/me/player HTTP/1.0\r\nHost: x\r\n\r\n")
	stream := bufio.NewReader(conn)
	text := until(t, stream, "data: ")
	header, events, _ := strings.Cut(text, "\r\n\r\n")
	if strings.Contains(header, "Transfer-Encoding") || !strings.Contains(header, "\r\nConnection: close") || !strings.HasPrefix(events, "retry: 2000\n\n") {
		t.Errorf("the stream begins with %q", text)
	}
	s.hub.Drain()
	rest, err := io.ReadAll(stream)
	if err != nil || !strings.HasPrefix(string(rest), "\nretry: ") {
		t.Errorf("the stream ends with %v, %q", err, rest)
	}
}

// TestLiveStreamsHaveOneGoroutine holds what an open stream costs over HTTP/1.1.
func TestLiveStreamsHaveOneGoroutine(t *testing.T) {
	s := newLiveStage(t)
	const streams = 100
	open := func() net.Conn {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "GET /onair/me/player HTTP/1.1\r\nHost: x\r\n\r\n")
		until(t, bufio.NewReader(conn), "data: ")
		return conn
	}
	open()
	before := runtime.NumGoroutine()
	conns := make([]net.Conn, streams)
	for i := range conns {
		conns[i] = open()
	}
	sessiontest.Eventually(t, patience, "each stream has one goroutine", func() bool {
		return runtime.NumGoroutine()-before <= streams
	})
	for _, conn := range conns {
		_ = conn.Close()
	}
	sessiontest.Eventually(t, patience, "the streams whose readers left have ended", func() bool {
		s.counts.mu.Lock()
		defer s.counts.mu.Unlock()
		return s.counts.open == 1
	})
	if line := s.accessLine(0); line.ContextMap()["error"] != nil {
		t.Errorf("the access line of a reader that left is %v", line.ContextMap())
	}
}

// TestLiveRejections asks for streams that there are not.
func TestLiveRejections(t *testing.T) {
	s := newLiveStage(t)
	s.get("/live/me/player", nil).rejected(t, 401, "LOGIN_REQUIRED")
	s.get("/live/me/player", loggedIn("Origin: "+foreignOrigin)).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
	s.get("/live/me/player", header("Cookie: stagedoor=x", "Sec-Fetch-Site: cross-site")).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
	s.get("/live/me", loggedIn()).rejected(t, 404, "PATH_REFUSED")
	s.get("/live/me/player%2f..", loggedIn()).rejected(t, 404, "PATH_REFUSED")
	s.do("POST", "/live/me/player", loggedIn(), nil).rejected(t, 405, "METHOD_REFUSED")
	s.get("/offair/me/player", nil).rejected(t, 401, "REAUTHORIZATION_REQUIRED")
	s.sessions.findErr = session.ErrStoreUnavailable
	s.get("/live/me/player", loggedIn()).rejected(t, 503, "STORE_UNAVAILABLE")
	s.sessions.findErr = session.ErrNoSession
	dead := s.get("/live/me/player", loggedIn())
	if dead.StatusCode != 204 || dead.Header.Get("Stagedoor-Reason") != "LOGIN_REQUIRED" {
		t.Errorf("a dead cookie gets %d %v", dead.StatusCode, dead.Header)
	}
	s.sessions.findErr = nil
	if n := len(s.api.all()); n != 0 {
		t.Errorf("Spotify was asked %d times", n)
	}
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(403)
		_, _ = io.WriteString(w, "{\n \"error\": {\"status\": 403, \"message\": \"Insufficient client scope\"}}")
	})
	_, stream := s.open(s.server.Client(), "/onair/me/player", http.Header{})
	if text := until(t, stream, "data: "); !strings.Contains(text, "event: failed\ndata: {\"error\":{") {
		t.Errorf("without the scope the stream is %q", text)
	}
	s.get("/onair/me/player", nil).ok(t, 403) // without another call
	if n := len(s.api.all()); n != 1 {
		t.Errorf("Spotify was asked %d times", n)
	}
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `"`+strings.Repeat("x", maxLive)+`"`)
	})
	_, stream = s.open(s.server.Client(), "/onair/me", http.Header{})
	if text := until(t, stream, "data: "); !strings.Contains(text, "event: failed\n") || !strings.Contains(text, "longer than what is pushed") {
		t.Errorf("an answer without bounds is %.200q", text)
	}
}

// TestLiveSlowReader does not read for a while, and then has the newest state; or does not read at all, and is cut.
func TestLiveSlowReader(t *testing.T) {
	t.Parallel() // it waits for a writer that stalls
	for i, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		s := newLiveStage(t, func(o *Options) { o.Server.WriteStallTimeout = generous })
		client := []*http.Client{s.server.Client(), s.http2()}[i]
		var mu sync.Mutex // guards count
		count := 0
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			count++
			_, _ = fmt.Fprintf(w, `{"count": %d, "rest": %q}`, count, strings.Repeat("x", 200<<10))
		})
		_, stream := s.open(client, "/onair/me/player", http.Header{})
		until(t, stream, `{"count":1,`)
		s.hub.Configure(live.Config{Every: time.Millisecond, Idle: time.Millisecond, MaxStreams: 1000})
		if protocol == "HTTP/2.0" { // whose window is smaller than an event; HTTP/1.1 is bounded by the listener, which has its own test
			s.hub.Wrote(s.sessions.account.Key())
			line := s.accessLine(0).ContextMap()
			if line["error"] == nil {
				t.Errorf("%s: the access line of a reader that does not read is %v", protocol, line)
			}
			continue
		}
		sessiontest.Eventually(t, patience, "the stream is full", func() bool {
			s.hub.Wrote(s.sessions.account.Key())
			mu.Lock()
			defer mu.Unlock()
			return count > 4
		})
		mu.Lock()
		last := count
		mu.Unlock()
		until(t, stream, fmt.Sprintf(`{"count":%d,`, last))
	}
}
