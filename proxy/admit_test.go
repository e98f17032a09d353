package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"stagedoor/internal/httperror"
	"stagedoor/proxy/limit"
	"stagedoor/session/sessiontest"
)

// retryAfter returns the seconds of an answer's Retry-After; zero without one.
func (a answered) retryAfter() int {
	seconds, _ := strconv.Atoi(a.Header.Get("Retry-After"))
	return seconds
}

const maintenanceText = `We move house & are back at <b>noon</b>.`

func TestMaintenance(t *testing.T) {
	s, r := measuredStage(t, func(o *Options) { o.Server.Maintenance = maintenanceText })
	s.get("/auth/session", nil).ok(t, 200)
	for _, path := range []string{"/", "/api/me", "/auth/login", "/auth/callback", "/auth/session/x", "/auth/client.js", "/nowhere"} {
		for _, method := range []string{"GET", "POST"} {
			answer := s.do(method, path, loggedIn("Origin: "+listedOrigin), strings.NewReader("body"))
			answer.rejected(t, 503, httperror.Maintenance)
			if answer.retryAfter() < 1 || !strings.Contains(answer.body, `We move house \u0026 are back at \u003cb\u003enoon`) ||
				answer.Header.Get("Content-Type") != "application/json" || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %v %s", method, path, answer.Header, answer.body)
			}
			if answer.Header.Get("Access-Control-Allow-Origin") != listedOrigin {
				t.Errorf("%s %s: a page of a listed origin cannot read why", method, path)
			}
		}
	}
	if len(s.frontend.all()) != 0 || len(s.api.all()) != 0 {
		t.Error("an upstream was asked")
	}
	if !r.has("not admitted: MAINTENANCE") || r.has("refused") {
		t.Errorf("reported %q", r.all)
	}
	for _, line := range s.logs.FilterField(reasonField(httperror.Maintenance)).All() {
		if line.Level != zapcore.InfoLevel {
			t.Errorf("what the operator wants is logged as %v", line.Level)
		}
	}
}

func reasonField(reason string) zapcore.Field {
	return zapcore.Field{Key: "reason", Type: zapcore.StringType, String: reason}
}

func TestMaintenancePage(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Server.Maintenance = maintenanceText })
	for _, path := range []string{"/", "/api/me", "/auth/callback"} {
		answer := s.get(path, header("Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate"))
		answer.rejected(t, 503, httperror.Maintenance)
		if !strings.Contains(answer.body, "We move house &amp; are back at &lt;b&gt;noon&lt;/b&gt;.") {
			t.Errorf("%s: the page is %s", path, answer.body)
		}
	}
}

// TestPreflightsInMaintenance lets a page of a listed origin read the rejection.
func TestPreflightsInMaintenance(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Server.Maintenance = maintenanceText })
	preflight := header("Origin: "+listedOrigin, "Access-Control-Request-Method: PUT")
	s.do("OPTIONS", "/api/me", preflight, nil).ok(t, 204)
	s.do("OPTIONS", "/auth/logout", preflight, nil).ok(t, 204)
	s.do("OPTIONS", "/", preflight, nil).rejected(t, 503, httperror.Maintenance)
}

func limitedClients(o *Options) {
	o.Clients = new(limit.Clients)
	o.Clients.Configure(limit.ClientRate{Requests: 3, Logins: 1, Per: time.Minute})
	o.Server.TrustedProxies = []string{"127.0.0.1/32"}
	o.Now = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
}

func TestClientRate(t *testing.T) {
	s := newStage(t, limitedClients)
	from := func(address string) http.Header { return header("X-Forwarded-For: " + address) }
	for range 3 {
		s.get("/", from("192.0.2.1")).ok(t, 204)
	}
	for _, path := range []string{"/", "/api/me", "/auth/session", "/nowhere"} {
		answer := s.get(path, from("192.0.2.1"))
		answer.rejected(t, 429, httperror.ClientRate)
		if answer.retryAfter() != 20 {
			t.Errorf("%s: Retry-After is %d, want 20: a third of a minute", path, answer.retryAfter())
		}
	}
	s.get("/", from("192.0.2.2")).ok(t, 204)
	s.get("/auth/login", from("192.0.2.2")).ok(t, 200)
	s.get("/auth/callback", from("192.0.2.2")).rejected(t, 429, httperror.ClientRate)
	for _, address := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"} {
		s.get("/", from(address)).ok(t, 204)
	}
	s.get("/", from("2001:db8::4")).rejected(t, 429, httperror.ClientRate)
	s.get("/", from("2001:db8:0:1::4")).ok(t, 204)
}

// TestForgedAddressesAreOneClient has a stranger write X-Forwarded-For.
func TestForgedAddressesAreOneClient(t *testing.T) {
	s := newStage(t, limitedClients, func(o *Options) { o.Server.TrustedProxies = nil })
	for i := range 3 {
		s.get("/", header("X-Forwarded-For: 192.0.2."+strconv.Itoa(i))).ok(t, 204)
	}
	s.get("/", header("X-Forwarded-For: 192.0.2.9")).rejected(t, 429, httperror.ClientRate)
}

// full is a gateway with so few places.
func full(c limit.Capacity) func(*Options) {
	return func(o *Options) {
		o.InFlight = new(limit.InFlight)
		o.InFlight.Configure(c)
	}
}

// waiting makes a frontend whose answers wait for the test at /wait, and tells when one does.
func (s *stage) waiting() (begun chan struct{}, release chan struct{}) {
	begun, release = make(chan struct{}, 10), make(chan struct{})
	s.frontend.answer(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			begun <- struct{}{}
			<-release
		}
	})
	return begun, release
}

func TestOverload(t *testing.T) {
	inFlight := full(limit.Capacity{Requests: 1})
	s, r := measuredStage(t, inFlight)
	begun, release := s.waiting()
	done := make(chan answered, 1)
	go func() { done <- s.get("/wait", nil) }()
	<-begun
	for _, path := range []string{"/", "/api/me", "/auth/session", "/nowhere"} {
		answer := s.get(path, loggedIn("Origin: "+listedOrigin))
		answer.rejected(t, 503, httperror.Overloaded)
		if seconds := answer.retryAfter(); seconds < 1 || seconds > 3 || answer.Header.Get("Access-Control-Allow-Origin") != listedOrigin {
			t.Errorf("%s: %v", path, answer.Header)
		}
	}
	page := s.get("/", header("Sec-Fetch-Dest: document"))
	page.rejected(t, 503, httperror.Overloaded)
	if !strings.Contains(page.body, "<h1>Too many visitors right now</h1>") {
		t.Errorf("the page is %s", page.body)
	}
	if !r.has("not admitted: OVERLOADED") || !r.has("/api/ refused with 503 OVERLOADED") {
		t.Errorf("reported %q", r.all)
	}
	close(release)
	(<-done).ok(t, 200)
	sessiontest.Eventually(t, patience, "there is a place again", func() bool { return s.get("/", nil).StatusCode == 200 })
}

// TestOverloadDoesNotWaitForBodies sends the begin of a body alone.
func TestOverloadDoesNotWaitForBodies(t *testing.T) {
	s := newStage(t, full(limit.Capacity{Requests: 1}))
	begun, release := s.waiting()
	defer close(release)
	go http.Get("http://" + s.addr + "/wait") //nolint:errcheck // the test ends it
	<-begun
	answer := s.raw("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegin")
	answer.rejected(t, 503, httperror.Overloaded)
	if !answer.Close {
		t.Error("the connection is kept, and what follows on it is not a request")
	}
}

// listenTo opens a stream of a frontend that stays open.
func (s *stage) listenTo(t *testing.T, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

const (
	asksForSocket = "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	asksForEvents = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"
)

// TestStreamsDoNotStarveRequests opens as many streams as there may be, with one place for requests.
func TestStreamsDoNotStarveRequests(t *testing.T) {
	inFlight := new(limit.InFlight)
	inFlight.Configure(limit.Capacity{Requests: 1, Streams: 4})
	s := newStage(t, func(o *Options) { o.InFlight = inFlight })
	free := func() { // an answer is there before its request has left its place
		t.Helper()
		sessiontest.Eventually(t, patience, "no request is served", func() bool { now, _ := inFlight.Requests(); return now == 0 })
	}
	open := make(chan struct{})
	defer close(open)
	s.frontend.answer(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-open
		case "/socket":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			<-open
		}
	})
	var statuses []int
	for range 3 {
		for _, request := range []string{asksForSocket, asksForEvents} {
			free()
			res := s.listenTo(t, request)
			statuses = append(statuses, res.StatusCode)
			if res.StatusCode == 503 && res.Header.Get("Stagedoor-Reason") != httperror.Overloaded {
				t.Errorf("the reason is %q", res.Header.Get("Stagedoor-Reason"))
			}
		}
		free()
		s.get("/", nil).ok(t, 200)
	}
	if want := []int{101, 200, 101, 200, 503, 503}; !slices.Equal(statuses, want) {
		t.Errorf("streams are answered with %v, want %v", statuses, want)
	}
}
