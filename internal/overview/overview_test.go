package overview

import (
	"context"
	"errors"
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/internal/metrics"
	"stagedoor/internal/outcome"
	"stagedoor/internal/page"
)

// house is a gateway's figures with a page on them, in a synctest bubble.
type house struct {
	t        *testing.T
	counts   *metrics.Metrics
	page     *Page
	notReady error
	remark   string
	sessions int
	asked    int // how often the sessions were counted
}

// inHouse runs a test under a fake clock.
func inHouse(t *testing.T, test func(h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, counts: metrics.New("1.2.3", "0123456789abcdef"), sessions: 1204}
		h.page = New(Options{
			Version: "1.2.3", Commit: "0123456789abcdef", Store: "redis", Metrics: h.counts,
			Ready:    func(context.Context) (string, error) { return h.remark, h.notReady },
			Sessions: func(context.Context) (int, error) { h.asked++; return h.sessions, nil },
			Replicas: func(context.Context) (int, error) { return 3, nil },
		})
		go h.page.Run(t.Context())
		test(h)
	})
}

// text returns what a person reads, without the tags.
func (h *house) text() string {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.page.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		h.t.Fatalf("the page answers %d %v", w.Code, w.Header())
	}
	_, body, _ := strings.Cut(w.Body.String(), "</style>")
	var text strings.Builder
	for part := range strings.SplitSeq(body, "<") {
		_, words, _ := strings.Cut(part, ">")
		text.WriteString(" " + strings.TrimSpace(words))
	}
	return strings.Join(strings.Fields(html.UnescapeString(text.String())), " ")
}

// expect wants phrases on the page.
func (h *house) expect(phrases ...string) {
	h.t.Helper()
	page := h.text()
	for _, phrase := range phrases {
		if !strings.Contains(page, phrase) {
			h.t.Errorf("%q is not on the page:\n%s", phrase, page)
		}
	}
}

func TestAllIsWell(t *testing.T) {
	inHouse(t, func(h *house) {
		api, upstream := h.counts.Requests("/api/"), h.counts.Upstream("/api/")
		load := h.counts.Store(outcome.Load)
		for range 1200 {
			api("GET", 200, 40*time.Millisecond, "")
			upstream(200, nil, 30*time.Millisecond, "")
			load(time.Millisecond, "")
		}
		api("GET", 404, 40*time.Millisecond, "")
		h.counts.LoggedIn(outcome.LoginOK)
		h.counts.Refreshed(outcome.RefreshOK, 200*time.Millisecond, "")
		time.Sleep(4 * time.Minute)
		h.expect("All is well.", "Stagedoor 1.2.3 · 0123456789ab · up 4 min", "Sessions about 1 204 redis", "Replicas 3",
			"/api/ 300 1 200 300/min 0 1 0.2/min 0", "works, 4 min ago", "Logins ok 1 1 in all", "None since the start.",
			"/readyz /livez /metrics")
		time.Sleep(10 * time.Minute) // what happened then is not lately any more
		h.expect("up 14 min", "/api/ 0 1 200 0 1 0", "Logins ok 0 1 in all", "the last 5 min")
	})
}

func TestTroubles(t *testing.T) {
	const unready = "the session store does not answer: look at Redis and at redis.* in the configuration"
	for name, c := range map[string]struct {
		harm func(h *house)
		want string
	}{
		"not ready":      {func(h *house) { h.notReady = errors.New(unready) }, "Not ready: " + unready + "."},
		"the store":      {func(h *house) { h.counts.Store(outcome.Load)(time.Second, "no answer in time") }, "The session store did not answer once; the last time: no answer in time."},
		"a lost token":   {func(h *house) { h.counts.Refreshed(outcome.RefreshLost, time.Second, "") }, "New tokens could not be written once"},
		"the token call": {func(h *house) { h.counts.Refreshed(outcome.RefreshUnavailable, time.Second, "") }, "Spotify's token endpoint does not help"},
		"the client":     {func(h *house) { h.counts.Refreshed(outcome.RefreshMisconfigured, time.Second, "") }, "correct spotify.client_id and spotify.client_secret"},
		"the rate limit": {func(h *house) { h.counts.RateLimited() }, "1 request was answered with 429"},
		"a remark": {func(h *house) {
			h.remark = "Redis is full (OOM): nobody can log in; raise its maxmemory\nlines are dropped."
		},
			"nobody can log in; raise its maxmemory. lines are dropped."},
		"overload":                  {func(h *house) { h.counts.NotAdmitted(outcome.LimitInFlight) }, "1 request was rejected as OVERLOADED"},
		"an expired certificate":    {func(h *house) { h.counts.CertificateExpires(time.Now().Add(-time.Hour)) }, "browsers reject it"},
		"a certificate's last days": {func(h *house) { h.counts.CertificateExpires(time.Now().Add(13 * 24 * time.Hour)) }, "The certificate of server.tls expires on"},
		"many logged out": {func(h *house) {
			for range 11 {
				h.counts.SessionEnded(outcome.EndKeyRemoved)
			}
		}, "11 users were logged out, reason key_removed: put the session key"},
		"an error of ours": {func(h *house) { h.counts.Rejected(httperror.InternalError, "/api/", 500, "id") }, "The gateway itself failed"},
		"an upstream": {func(h *house) {
			for range 3 {
				h.counts.Upstream("/api/")(0, errors.New("connection refused"), time.Second, "")
			}
		}, "The upstream of /api/ failed 3 of 3 calls"},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				time.Sleep(2 * window)
				h.expect("All is well.")
				c.harm(h)
				h.expect(c.want)
				if strings.Contains(h.text(), "All is well") {
					t.Error("the page says that all is well")
				}
				h.notReady, h.remark = nil, ""
				h.counts.CertificateExpires(time.Time{})
				h.counts.Refreshed(outcome.RefreshOK, time.Second, "")
				time.Sleep(2 * window)
				h.expect("All is well.")
			})
		})
	}
}

// TestSeveralTroubles checks that the gravest comes first and no other is hidden.
func TestSeveralTroubles(t *testing.T) {
	inHouse(t, func(h *house) {
		h.counts.RateLimited()
		h.counts.NotAdmitted(outcome.LimitInFlight)
		h.counts.Refreshed(outcome.RefreshUnavailable, time.Second, "")
		h.notReady = errors.New("the gateway is shutting down")
		page := h.text()
		last := -1
		for _, phrase := range []string{"Not ready: the gateway is shutting down.", "token endpoint does not help", "rejected as OVERLOADED", "answered with 429"} {
			at := strings.Index(page, phrase)
			if at <= last {
				t.Errorf("%q is at %d, behind %d:\n%s", phrase, at, last, page)
			}
			last = at
		}
	})
}

// TestFewFailuresAreNoTrouble keeps the page calm: one call in a hundred that fails happens.
func TestFewFailuresAreNoTrouble(t *testing.T) {
	inHouse(t, func(h *house) {
		upstream := h.counts.Upstream("/api/")
		for range 96 {
			upstream(200, nil, time.Second, "")
		}
		for range 4 {
			upstream(502, nil, time.Second, "")
		}
		h.expect("All is well.")
	})
}

func TestFailuresAreListed(t *testing.T) {
	inHouse(t, func(h *house) {
		h.counts.Rejected("UPSTREAM_TIMEOUT", "/", 504, "first")
		time.Sleep(time.Minute)
		for range 1500 {
			h.counts.Rejected("STORE_UNAVAILABLE", "/api/", 503, "earlier")
		}
		h.counts.Rejected("STORE_UNAVAILABLE", "/api/", 503, "last")
		time.Sleep(2 * time.Minute)
		h.expect("STORE_UNAVAILABLE 503 /api/ 1 501 00:01:00 00:01:00 2 min ago last UPSTREAM_TIMEOUT 504 / 1 00:00:00 00:00:00 3 min ago first")
	})
}

// TestEscaping puts markup wherever a text comes from elsewhere.
func TestEscaping(t *testing.T) {
	const markup = `<script>alert("x")</script>`
	inHouse(t, func(h *house) {
		h.notReady = errors.New(markup)
		h.counts.Requests("/"+markup)("GET", 200, time.Second, "")
		h.counts.Upstream("/"+markup)(200, nil, time.Second, "")
		h.counts.Store(outcome.Load)(time.Second, markup)
		h.counts.Rejected(markup, markup, 500, markup)
		w := httptest.NewRecorder()
		h.page.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if body := w.Body.String(); strings.Contains(body, "<script") || strings.Count(body, "&lt;script&gt;") < 7 {
			t.Errorf("markup is on the page:\n%s", body)
		}
	})
}

// TestPolicy holds the page to its one style sheet: no script, nothing from elsewhere.
func TestPolicy(t *testing.T) {
	inHouse(t, func(h *house) {
		w := httptest.NewRecorder()
		h.page.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		policy := w.Header().Get("Content-Security-Policy")
		_, rest, _ := strings.Cut(w.Body.String(), "<style>")
		style, _, _ := strings.Cut(rest, "</style>")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src '"+page.HashSource(style)+"';") || strings.Contains(policy, "unsafe") {
			t.Errorf("the policy is %s", policy)
		}
		for _, elsewhere := range []string{"http://", "https://", "<script", "style=", "<img", "<link", "url("} {
			if strings.Contains(w.Body.String(), elsewhere) {
				t.Errorf("the page has %q", elsewhere)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("the page may be cached")
		}
	})
}

// TestCountingIsRare checks that a page that stays open all night costs the store little, and nothing while it is down.
func TestCountingIsRare(t *testing.T) {
	inHouse(t, func(h *house) {
		for range 90 {
			h.text()
			time.Sleep(time.Second)
		}
		if h.asked != 3 {
			t.Errorf("in 90 s the sessions were counted %d times", h.asked)
		}
		h.notReady = errors.New("the store is down")
		time.Sleep(time.Hour)
		h.expect("Sessions about 1 204 redis, 1 h 0 min ago")
		if h.asked != 3 {
			t.Error("a store that is down was asked")
		}
	})
}

// TestPause has the page come anew by itself until a person stops it.
func TestPause(t *testing.T) {
	inHouse(t, func(h *house) {
		for target, want := range map[string]struct{ refresh, link string }{
			"/":             {"10", `href="?refresh=off">Pause</a>`},
			"/?refresh=off": {"", `href="?">Resume</a>`},
		} {
			w := httptest.NewRecorder()
			h.page.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			if got := w.Header().Get("Refresh"); got != want.refresh || !strings.Contains(w.Body.String(), want.link) || strings.Contains(w.Body.String(), "http-equiv") {
				t.Errorf("%s: Refresh is %q, want %q, and the link %s", target, got, want.refresh, want.link)
			}
		}
	})
}

// TestWordsForPeople looks for what is a program's: values of labels, dashes for nothing, and a state that its own line denies.
func TestWordsForPeople(t *testing.T) {
	inHouse(t, func(h *house) {
		h.counts.Refreshed(outcome.RefreshMisconfigured, time.Second, "")
		h.notReady = errors.New("Redis does not answer")
		text := h.text()
		if found := regexp.MustCompile(`\b[a-z]+_[a-z]+\b`).FindAllString(strings.ReplaceAll(text, "spotify.client_id and spotify.client_secret", ""), -1); found != nil {
			t.Errorf("the page says %q", found)
		}
		for _, wrong := range []string{"–", "not ready Kind redis p50, p99 none yet Not answered lately 0 0 in all Last failure none"} {
			if strings.Contains(text, wrong) {
				t.Errorf("the page says %q", wrong)
			}
		}
		if !strings.Contains(text, "Why Redis does not answer") {
			t.Errorf("the store's part does not say why: %s", text)
		}
	})
}
