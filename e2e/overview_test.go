package e2e

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// overview reads the operator's page.
func overview(p *stage.Process, t *testing.T) string {
	t.Helper()
	status, page := p.Ask("/")
	if status != http.StatusOK {
		t.Fatalf("the page answers %d %s", status, page)
	}
	return html.UnescapeString(page)
}

// headline is what the page says first.
func headline(p *stage.Process, t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(overview(p, t), "<h1>")
	first, _, _ := strings.Cut(rest, "</h1>")
	return first
}

// sickTokenEndpoint has tokens end and the token endpoint fail.
func sickTokenEndpoint(w *stage.World, v *stage.Visitor) {
	w.Spotify.ExpireAccessTokens()
	w.Preset("token-500", func(*simulator.Fault) {})
	v.Get("/api/me").Expect(w.T, "a sick token endpoint", 503, "TOKEN_ENDPOINT_UNAVAILABLE")
}

// TestOverview is a night with an operator before the page: all is well, the token endpoint fails, Redis is gone.
func TestOverview(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Users: 2, Quota: "cache: 0"}) // every call needs a token
	p := w.Replicas[0]
	v, stranger := w.Visitor(), w.Visitor()
	v.Login("fan0001")
	v.Get("/api/me").Expect(t, "an API call", 200, "")
	stranger.Get("/api/me").Expect(t, "a stranger", 401, "LOGIN_REQUIRED")
	well := overview(p, t)
	for _, phrase := range []string{"All is well.", "about 1<", "<th>/api/<", "<th>/auth/<", "None since the start.", `href="/readyz"`} {
		if !strings.Contains(well, phrase) {
			t.Errorf("in health, %q is not on the page:\n%s", phrase, well)
		}
	}

	sickTokenEndpoint(w, v)
	if got := headline(p, t); !strings.HasPrefix(got, "Spotify's token endpoint does not help") {
		t.Errorf("with a sick token endpoint the page says %q", got)
	}
	if page := overview(p, t); !strings.Contains(page, "<th>TOKEN_ENDPOINT_UNAVAILABLE</th><td>503</td><td>/api/<") {
		t.Errorf("the failure is not listed:\n%s", page)
	}

	w.Redis.Stop()
	w.Visitor().Do("POST", "/auth/logout", "") // somebody notices; what they are told, other tests look at
	status, words := p.Ask("/readyz")
	if got := headline(p, t); status != 503 || got != "Not ready: "+strings.TrimSpace(words)+"." {
		t.Errorf("without Redis, /readyz says %d %q, the page %q", status, words, got)
	}
	sick := overview(p, t)
	for _, page := range []string{well, sick} {
		expectNothingPersonal(w, t, page, v)
	}
	if a := stranger.Get("/"); strings.Contains(a.Body, "All is well") || strings.Contains(a.Body, "readyz") {
		t.Errorf("the public listener shows the page: %s", a.Body)
	}

	w.Redis.Start()
	sessiontest.Eventually(t, stage.StartTime, "the page tells of Redis no more", func() bool {
		return !strings.HasPrefix(headline(p, t), "Not ready")
	})
}

// TestPicturesOfOverview looks at the operator's page in health and in trouble.
func TestPicturesOfOverview(t *testing.T) {
	stage.OnlyLong(t, "pictures of the page on four screens")
	tab := stage.Chromium(t)
	w := stage.NewWorld(t, stage.Options{Users: 8, Replicas: 2, Quota: "cache: 0"}) // every call needs a token
	w.Through(0)
	visitors := make([]*stage.Visitor, 6)
	for i := range visitors {
		visitors[i] = w.Visitor()
		visitors[i].Login([]string{"fan0001", "fan0002", "fan0003", "fan0004", "fan0005", "fan0006"}[i])
		for _, path := range []string{"/api/me", "/api/me/playlists", "/api/me/player", "/api/albums/none", "/index.html", "/auth/session", "/nowhere"} {
			visitors[i].Get(path)
		}
	}
	w.Visitor().Get("/api/me").Expect(t, "a stranger", 401, "LOGIN_REQUIRED")
	address := "http://" + w.Replicas[0].Admin + "/"
	show := func(name string) {
		stage.Act(t, tab, name, chromedp.Navigate(stage.Still(t, address)), chromedp.WaitVisible(chromedp.CSS("footer")))
		look(t, tab, name)
	}
	show("overview-well")
	w.Preset("api-429", func(f *simulator.Fault) { f.Match.Method, f.Times = "PUT", 1 })
	for range 3 { // it closes no other calls' gate
		visitors[1].Do("PUT", "/api/playlists/none/images", "", "Content-Type", "image/jpeg")
	}
	sickTokenEndpoint(w, visitors[0])
	w.Redis.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for headline(w.Replicas[0], t)[:3] != "Not" && ctx.Err() == nil {
		visitors[2].Get("/api/me")
	}
	for _, v := range visitors {
		v.Do("POST", "/auth/logout", "")
	}
	show("overview-trouble")
}

// TestPicturesOfQuota looks at the quota's panel with the gate open and closed.
func TestPicturesOfQuota(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	tab := stage.Chromium(t)
	w := stage.NewWorld(t, stage.Options{Users: 4, Replicas: 2, Spotify: stage.Listener, Quota: "calls: 180\nreuse: [{path: me/player, for: 3s}]"})
	for _, f := range w.Crowd(4) {
		for n := range 8 {
			f.At(0, http.MethodGet, "/api/me/player")
			f.At(0, http.MethodGet, fmt.Sprint("/api/me/tracks?offset=", n))
		}
	}
	show := func(name string) {
		stage.Act(t, tab, name, chromedp.Navigate(stage.Still(t, "http://"+w.Replicas[0].Admin+"/")), chromedp.WaitVisible(chromedp.CSS("footer")))
		look(t, tab, name)
	}
	show("quota-open")
	v := w.Visitor()
	v.Login("fan0001")
	w.Preset("api-429-quota", func(f *simulator.Fault) { f.Times = 1 })
	v.At(0, http.MethodGet, "/api/me/playlists")
	for n := range 3 {
		v.At(0, http.MethodGet, fmt.Sprint("/api/me/albums?offset=", n))
	}
	show("quota-closed")
}
