package e2e

import (
	"context"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// overview reads the operator's page.
func (p *process) overview(t *testing.T) string {
	t.Helper()
	status, page := p.ask("/")
	if status != http.StatusOK {
		t.Fatalf("the page answers %d %s", status, page)
	}
	return html.UnescapeString(page)
}

// headline is what the page says first.
func (p *process) headline(t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(p.overview(t), "<h1>")
	first, _, _ := strings.Cut(rest, "</h1>")
	return first
}

// sickTokenEndpoint has tokens end and the token endpoint fail.
func (w *world) sickTokenEndpoint(v *visitor) {
	w.spotify.ExpireAccessTokens()
	w.preset("token-500", func(*simulator.Fault) {})
	v.get("/api/me").expect(w.t, "a sick token endpoint", 503, "TOKEN_ENDPOINT_UNAVAILABLE")
}

// TestOverview is a night with an operator before the page: all is well, the token endpoint fails, Redis is gone.
func TestOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{users: 2, quota: "cache: 0"}) // every call needs a token
	p := w.replicas[0]
	v, stranger := w.visitor(), w.visitor()
	v.login("fan0001")
	v.get("/api/me").expect(t, "an API call", 200, "")
	stranger.get("/api/me").expect(t, "a stranger", 401, "LOGIN_REQUIRED")
	well := p.overview(t)
	for _, phrase := range []string{"All is well.", "about 1<", "<th>/api/<", "<th>/auth/<", "None since the start.", `href="/readyz"`} {
		if !strings.Contains(well, phrase) {
			t.Errorf("in health, %q is not on the page:\n%s", phrase, well)
		}
	}

	w.sickTokenEndpoint(v)
	if got := p.headline(t); !strings.HasPrefix(got, "Spotify's token endpoint does not help") {
		t.Errorf("with a sick token endpoint the page says %q", got)
	}
	if page := p.overview(t); !strings.Contains(page, "<th>TOKEN_ENDPOINT_UNAVAILABLE</th><td>503</td><td>/api/<") {
		t.Errorf("the fault is not listed:\n%s", page)
	}

	w.redis.Stop()
	w.visitor().do("POST", "/auth/logout", "") // somebody notices; what they are told, other tests look at
	status, words := p.ask("/readyz")
	if got := p.headline(t); status != 503 || got != "Not ready: "+strings.TrimSpace(words)+"." {
		t.Errorf("without Redis, /readyz says %d %q, the page %q", status, words, got)
	}
	sick := p.overview(t)
	for _, page := range []string{well, sick} {
		w.expectNothingPersonal(t, page, v)
	}
	if a := stranger.get("/"); strings.Contains(a.body, "All is well") || strings.Contains(a.body, "readyz") {
		t.Errorf("the public listener shows the page: %s", a.body)
	}

	w.redis.Start()
	sessiontest.Eventually(t, startTime, "the page tells of Redis no more", func() bool {
		return !strings.HasPrefix(p.headline(t), "Not ready")
	})
}

// TestPicturesOfOverview looks at the operator's page in health and in trouble.
func TestPicturesOfOverview(t *testing.T) {
	tab := chromium(t)
	w := newWorld(t, options{users: 8, replicas: 2, quota: "cache: 0"}) // every call needs a token
	w.through(0)
	visitors := make([]*visitor, 6)
	for i := range visitors {
		visitors[i] = w.visitor()
		visitors[i].login([]string{"fan0001", "fan0002", "fan0003", "fan0004", "fan0005", "fan0006"}[i])
		for _, path := range []string{"/api/me", "/api/me/playlists", "/api/me/player", "/api/albums/none", "/index.html", "/auth/session", "/nowhere"} {
			visitors[i].get(path)
		}
	}
	w.visitor().get("/api/me").expect(t, "a stranger", 401, "LOGIN_REQUIRED")
	address := "http://" + w.replicas[0].admin + "/"
	show := func(name string) {
		act(t, tab, name, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("footer")))
		look(t, tab, name)
	}
	show("overview-well")
	w.preset("api-429", func(f *simulator.Fault) { f.Match.Method, f.Times = "PUT", 1 })
	for range 3 { // it closes no other calls' gate
		visitors[1].do("PUT", "/api/playlists/none/images", "", "Content-Type", "image/jpeg")
	}
	w.sickTokenEndpoint(visitors[0])
	w.redis.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for w.replicas[0].headline(t)[:3] != "Not" && ctx.Err() == nil {
		visitors[2].get("/api/me")
	}
	for _, v := range visitors {
		v.do("POST", "/auth/logout", "")
	}
	show("overview-trouble")
}
