package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
)

// reports remembers what was reported, as sentences.
type reports struct {
	mu   sync.Mutex // guards all
	all  []string
	more chan struct{} // gets one for each
}

func (r *reports) add(format string, values ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprintf(format, values...))
	r.more <- struct{}{}
}

func (r *reports) Requests(route string) func(string, int, time.Duration, string) {
	return func(method string, status int, took time.Duration, trace string) {
		if took == 0 {
			r.add("a request without a time")
		}
		if took < 0 {
			r.add("not timed")
		}
		r.add("%s %s %d", route, method, status)
	}
}

func (r *reports) Upstream(route string) func(int, error, time.Duration, string) {
	return func(status int, err error, _ time.Duration, _ string) {
		r.add("upstream of %s: %d, failed %t, canceled %t", route, status, err != nil, errors.Is(err, context.Canceled))
	}
}

func (r *reports) Replayed(cause outcome.Replay) { r.add("replay %s", cause) }
func (r *reports) Answered(outcome.Answer)       {}

func (r *reports) RateLimited() { r.add("limited") }

func (r *reports) NotAdmitted(limit outcome.Limit) { r.add("not admitted: %s", limit) }

func (r *reports) StreamLasted(route string, _ time.Duration) { r.add("%s lasted", route) }

func (r *reports) StreamBegun() { r.add("stream begins") }
func (r *reports) Rejected(reason, route string, status int, id string) {
	if id == "" {
		r.add("a refusal without its request")
	}
	r.add("%s refused with %d %s", route, status, reason)
}
func (r *reports) StreamEnded() { r.add("stream ends") }

// has tells whether there is a report with this in it.
func (r *reports) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.all, func(report string) bool { return strings.Contains(report, text) })
}

// expect waits for so many reports and wants just these.
func (r *reports) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	late := time.After(patience)
	for i := range want {
		select {
		case <-r.more:
		case <-late:
			t.Fatalf("%s: only %d of %q were reported", what, i, want)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.all, want) {
		t.Errorf("%s: reported %q, want %q", what, r.all, want)
	}
	r.all = nil
}

func measuredStage(t *testing.T, adjust ...func(*Options)) (*stage, *reports) {
	t.Helper()
	r := &reports{more: make(chan struct{}, 1000)}
	return newStage(t, append(adjust, func(o *Options) { o.Metrics = r })...), r
}

func TestReportsOfRequests(t *testing.T) {
	s, r := measuredStage(t, func(o *Options) { o.Routes = o.Routes[:1] }) // only /api/
	s.get("/api/me", loggedIn()).ok(t, 204)
	r.expect(t, "a call", "upstream of /api/: 204, failed false, canceled false", "/api/ GET 204")
	s.get("/api/me", header()).rejected(t, 401, httperror.LoginRequired)
	r.expect(t, "a call without a session", "/api/ GET 401")
	s.get("/nowhere", nil).rejected(t, 404, httperror.PathRefused)
	r.expect(t, "a path without a route", "none GET 404")
	s.auth = func(_ http.ResponseWriter, r *http.Request) {
		*r.Context().Value(errorKey{}).(*error) = httperror.New(httperror.RateLimited, "Later.", nil)
	}
	s.get("/auth/callback", nil).rejected(t, 429, httperror.RateLimited)
	r.expect(t, "a login when Spotify has had enough", "/auth/ GET 429", "/auth/ refused with 429 RATE_LIMITED", "limited")

	s.api.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	s.get("/api/me", loggedIn()).ok(t, 401)
	r.expect(t, "a 401 that does not blame the token", "upstream of /api/: 401, failed false, canceled false", "replay spurious",
		"upstream of /api/: 401, failed false, canceled false", "/api/ GET 401")

	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	s.get("/api/me", loggedIn()).ok(t, 401)
	r.expect(t, "a 401 that blames the token", "upstream of /api/: 401, failed false, canceled false", "replay token",
		"upstream of /api/: 401, failed false, canceled false", "/api/ GET 401")

	s.api.Close()
	s.get("/api/me", loggedIn()).rejected(t, 502, httperror.UpstreamUnreachable)
	r.expect(t, "an upstream that is down", "upstream of /api/: 0, failed true, canceled false", "/api/ GET 502",
		"/api/ refused with 502 UPSTREAM_UNREACHABLE")

	s, r = measuredStage(t, func(o *Options) { o.Routes = o.Routes[:1] })
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	s.get("/api/me", loggedIn()).ok(t, 429)
	r.expect(t, "Spotify's rate limit", "upstream of /api/: 429, failed false, canceled false", "limited", "/api/ GET 429")
	s.get("/api/me", loggedIn()).rejected(t, 429, httperror.RateLimited)
	r.expect(t, "a call behind the closed gate", "/api/ GET 429", "/api/ refused with 429 RATE_LIMITED", "limited")
}

// TestReportsOfAClientThatLeft checks that it does not count as the upstream's error.
func TestReportsOfAClientThatLeft(t *testing.T) {
	s, r := measuredStage(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	released := make(chan struct{})
	defer close(released)
	s.api.answer(func(http.ResponseWriter, *http.Request) {
		leave()
		<-released
	})
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.addr+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = loggedIn()
	if res, err := http.DefaultTransport.RoundTrip(request); err == nil {
		_ = res.Body.Close()
		t.Fatalf("the client got %d, although it left", res.StatusCode)
	}
	r.expect(t, "a client that left", "upstream of /api/: 0, failed true, canceled true", "/api/ GET 499")
}

// TestReportsOfStreams checks that an answer counts as a stream just when its header announces no end.
func TestReportsOfStreams(t *testing.T) {
	s, r := measuredStage(t)
	const called = "upstream of /: 200, failed false, canceled false"
	s.frontend.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		_, _ = io.WriteString(w, "page")
	})
	s.get("/", nil).ok(t, 200)
	r.expect(t, "a page", called, "/ GET 200")
	s.frontend.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
	})
	s.get("/events", nil).ok(t, 200)
	r.expect(t, "events", called, "stream begins", "/ lasted", "not timed", "/ GET 200", "stream ends")
	s.frontend.answer(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{}\n")
		w.(http.Flusher).Flush()
	})
	s.get("/lines", nil).ok(t, 200)
	r.expect(t, "an answer without a length", called, "stream begins", "/ GET 200", "stream ends")
}
