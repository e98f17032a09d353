package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// countedSoon bounds how long after its answer a request may take to be counted.
const countedSoon = 5 * time.Second

// figures is a scrape: the samples by name and labels.
type figures map[string]float64

// scrape reads the metrics of a process.
func scrape(p *stage.Process, t *testing.T) (figures, string) {
	t.Helper()
	status, text := p.Ask("/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics answers %d %s", status, text)
	}
	found := figures{}
	for line := range strings.Lines(text) {
		name, number, isSample := strings.Cut(strings.TrimSpace(line), " ")
		if !isSample || name == "#" {
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatalf("%q is no sample: %v", line, err)
		}
		found[name] = value
	}
	return found, text
}

// step is something that happens, and the samples that it raises by one. The names lack "stagedoor_".
type step struct {
	what  string
	act   func()
	rises []string
}

// watch lets a step happen and wants each of its samples to rise by exactly one.
func watch(p *stage.Process, t *testing.T, s step) {
	t.Helper()
	before, _ := scrape(p, t)
	s.act()
	for _, name := range s.rises {
		name = "stagedoor_" + name
		if _, there := before[name]; !there {
			t.Errorf("%s: there is no %s beforehand", s.what, name)
			continue
		}
		sessiontest.Eventually(t, countedSoon, name+" counts "+s.what, func() bool {
			now, _ := scrape(p, t)
			return now[name] >= before[name]+1
		})
		if now, _ := scrape(p, t); now[name] != before[name]+1 {
			t.Errorf("%s: %s rose by %v", s.what, name, now[name]-before[name])
		}
	}
}

// TestMetrics has one of everything happen and looks for it in the figures, which tell nothing about anybody.
func TestMetrics(t *testing.T) {
	t.Parallel()
	frontend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echo(w, r)
			return
		}
		_, _ = io.WriteString(w, "the frontend") // the visitor tells
	}))
	defer frontend.Close()
	w := stage.NewWorld(t, stage.Options{Users: 4, Routes: fmt.Sprintf(`
  - {path: /api/, upstream: spotify, credentials: user}
  - {path: /, upstream: %q}
`, frontend.URL)})
	p := w.Replicas[0]
	v, misconfigured, revoked, stranger := w.Visitor(), w.Visitor(), w.Visitor(), w.Visitor()
	for _, s := range trafficSteps(w, v, stranger) {
		watch(p, t, s)
	}
	misconfigured.Login("fan0002")
	revoked.Login("fan0003")
	for _, s := range faultSteps(w, v, misconfigured, revoked) {
		watch(p, t, s)
	}
	watchStream(p, t, "/socket")
	now, text := scrape(p, t)
	for _, name := range []string{
		`http_request_duration_seconds_count{route="/api/"}`, `upstream_request_duration_seconds_count{route="/api/"}`,
		"token_refresh_duration_seconds_count", `store_duration_seconds_count{operation="hold"}`,
		`http_requests_total{code="1xx",method="GET",route="/"}`,
	} {
		if now["stagedoor_"+name] == 0 {
			t.Errorf("stagedoor_%s is zero", name)
		}
	}
	if !strings.Contains(text, "\nstagedoor_build_info{") || !strings.Contains(text, "\nprocess_open_fds ") || !strings.Contains(text, "\ngo_goroutines ") {
		t.Error("the build, the process or Go's runtime is missing")
	}
	expectInReadme(t, text)
	expectNothingPersonal(w, t, text, v, misconfigured, revoked)
	if a := stranger.Get("/metrics"); a.Status != http.StatusOK || a.Body != "the frontend" {
		t.Errorf("the public listener has a /metrics of its own: %d %s", a.Status, a.Body)
	}
}

func trafficSteps(w *stage.World, v, stranger *stage.Visitor) []step {
	return []step{
		{"a login", func() { v.Login("fan0001") }, []string{`logins_total{result="ok"}`}},
		{"a user who says no", func() {
			if err := w.Spotify.SetConsent(simulator.Consent{Decision: simulator.DecisionCancel}); err != nil {
				w.T.Fatal(err)
			}
			stranger.Get("/auth/login").Expect(w.T, "a denied login", 403, "ACCESS_DENIED")
		}, []string{`logins_total{result="denied"}`}},
		{"a callback of nobody's", func() {
			stranger.Get("/auth/callback?state=x&code=y").Expect(w.T, "a forged callback", 400, "INVALID_REQUEST")
		}, []string{`logins_total{result="refused"}`}},
		{"an API call", func() { v.Get("/api/me").Expect(w.T, "an API call", 200, "") }, []string{
			`http_requests_total{code="2xx",method="GET",route="/api/"}`, `upstream_requests_total{code="2xx",route="/api/"}`,
		}},
		{"a call without a session", func() { stranger.Do("DELETE", "/api/me", "").Expect(w.T, "a stranger", 401, "LOGIN_REQUIRED") },
			[]string{`http_requests_total{code="4xx",method="DELETE",route="/api/"}`}},
		{"a call of another site's", func() {
			v.Do("PUT", "/api/me/player/pause", "", "Origin", "https://elsewhere.example").Expect(w.T, "another site", 403, "CROSS_ORIGIN_REFUSED")
		}, []string{`http_requests_total{code="4xx",method="PUT",route="/api/"}`}},
		{"a method that nobody knows", func() { v.Do("BREW", "/api/me", "").Expect(w.T, "BREW", 405, "METHOD_REFUSED") },
			[]string{`http_requests_total{code="4xx",method="other",route="/api/"}`}},
		{"a page", func() { stranger.Get("/page").Expect(w.T, "a page", 200, "") }, []string{
			`http_requests_total{code="2xx",method="GET",route="/"}`, `upstream_requests_total{code="2xx",route="/"}`,
		}},
		{"a token refused early", func() {
			w.Preset("api-expired", func(f *simulator.Fault) { f.Times = 1 })
			v.Get("/api/me").Expect(w.T, "an early refusal", 200, "")
		}, []string{`replays_total{cause="token"}`, `token_refreshes_total{result="ok"}`, `upstream_requests_total{code="4xx",route="/api/"}`}},
		{"a spurious 401", func() {
			w.Preset("api-spurious-401", func(f *simulator.Fault) { f.Match.Path, f.Times = "/v1/me", 1 })
			v.Get("/api/me").Expect(w.T, "a spurious 401", 200, "")
		}, []string{`replays_total{cause="spurious"}`}},
		{"Spotify's rate limit", func() {
			w.Preset("api-429", func(f *simulator.Fault) { f.Match.Method, f.Times = "PUT", 1 })
			image := "/api/playlists/none/images" // it closes no other calls' gate
			v.Do("PUT", image, "", "Content-Type", "image/jpeg").Expect(w.T, "a rate limit", 429, "")
		}, []string{"rate_limited_total"}},
		{"a call without an answer", func() {
			w.Preset("api-reset", func(f *simulator.Fault) { f.Match.Method, f.Times = "POST", 1 })
			v.Do("POST", "/api/me/player/next", "").Expect(w.T, "a reset", 502, "UPSTREAM_UNREACHABLE")
		}, []string{`upstream_requests_total{code="none",route="/api/"}`, `http_requests_total{code="5xx",method="POST",route="/api/"}`}},
	}
}

func faultSteps(w *stage.World, v, misconfigured, revoked *stage.Visitor) []step {
	refreshWith := func(v *stage.Visitor, preset string, status int, reason string) func() {
		return func() {
			w.Spotify.ExpireAccessTokens()
			fault := w.Preset(preset, func(*simulator.Fault) {})
			v.Get("/api/me").Expect(w.T, preset, status, reason)
			w.Spotify.ClearFault(fault)
		}
	}
	return []step{
		{"a refused client", refreshWith(misconfigured, "token-invalid-client", 503, "CLIENT_MISCONFIGURED"),
			[]string{`token_refreshes_total{result="client_misconfigured"}`}},
		{"a sick token endpoint", refreshWith(misconfigured, "token-500", 503, "TOKEN_ENDPOINT_UNAVAILABLE"),
			[]string{`token_refreshes_total{result="unavailable"}`}},
		{"a revoked grant", refreshWith(revoked, "token-refresh-revoked", 401, "REAUTHORIZATION_REQUIRED"),
			[]string{`token_refreshes_total{result="grant_ended"}`}},
		{"a logout while the store is down", func() {
			w.Redis.Stop()
			sessiontest.Eventually(w.T, stage.StartTime, "the outage is felt", func() bool { // what was just seen needs no store
				v.Get("/auth/session")
				return w.Replicas[0].Metric(`stagedoor_store_errors_total{operation="load"}`) > 0
			})
			v.Do("POST", "/auth/logout", "").Expect(w.T, "a logout without a store", 503, "STORE_UNAVAILABLE")
		}, []string{`logouts_total{result="unavailable"}`}},
		{"a logout", func() {
			w.Redis.Start()
			sessiontest.Eventually(w.T, stage.StartTime, "the gateway is ready", func() bool { return v.Get("/auth/session").Status == 200 })
			v.Do("POST", "/auth/logout", "").Expect(w.T, "a logout", 204, "")
		}, []string{`logouts_total{result="ok"}`}},
	}
}

// watchStream opens a WebSocket and wants to see it while it lives, and not afterwards.
func watchStream(p *stage.Process, t *testing.T, path string) {
	t.Helper()
	expect := func(want float64) {
		t.Helper()
		sessiontest.Eventually(t, countedSoon, fmt.Sprint(want, " streams are active"), func() bool {
			now, _ := scrape(p, t)
			return now["stagedoor_active_streams"] == want
		})
	}
	expect(0)
	connection := openSocket(p, t, path)
	expect(1)
	connection.close()
	expect(0)
}

// expectInReadme wants the README's table to have just the names of a scrape.
func expectInReadme(t *testing.T, scrape string) {
	t.Helper()
	var told, there []string
	for _, name := range regexp.MustCompile("`([a-z_]+)(?:{[a-z_,]+})?`").FindAllStringSubmatch(firstColumn(section(t, "## Watching it")), -1) {
		told = append(told, name[1])
	}
	for _, name := range regexp.MustCompile("(?m)^# TYPE stagedoor_([a-z_]+) ").FindAllStringSubmatch(scrape, -1) {
		there = append(there, name[1])
	}
	slices.Sort(told)
	slices.Sort(there)
	if len(there) == 0 || !slices.Equal(told, there) {
		t.Errorf("README.md has the metrics %q, the gateway %q", told, there)
	}
}

// firstColumn returns the first cell of each row of a table but its head.
func firstColumn(text string) string {
	var cells []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(text, -1) {
		cells = append(cells, row[1])
	}
	return strings.Join(cells, "\n")
}

// expectNothingPersonal looks for what a scrape must not hold: users, tokens, and paths below a prefix.
func expectNothingPersonal(w *stage.World, t *testing.T, scrape string, visitors ...*stage.Visitor) {
	t.Helper()
	hidden := []string{
		"fan00", stage.ClientID, stage.ClientSecret, w.Key.Reveal(), "/api/me", "player", "/page", "/auth/login", "/socket", "BREW", "elsewhere",
		"127.0.0.1",
	}
	home, err := url.Parse(w.Balancer.URL)
	if err != nil {
		t.Fatal(err)
	}
	cookies := 0
	for _, v := range visitors {
		for _, cookie := range v.Client.Jar.Cookies(home) {
			hidden = append(hidden, cookie.Value)
			cookies++
		}
	}
	bearers := w.Bearers()
	if cookies == 0 || len(bearers) == 0 {
		t.Fatalf("%d cookies and %d tokens are nothing to look for", cookies, len(bearers))
	}
	for _, text := range append(hidden, bearers...) {
		if strings.Contains(scrape, text) {
			t.Errorf("the metrics tell %q", text)
		}
	}
}
