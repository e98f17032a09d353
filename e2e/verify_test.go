package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

const verifyHeading = "## Behind nginx, Caddy or Traefik"

// guarded is an app behind another proxy, which asks the gateway whether a request may pass.
type guarded struct {
	app *httptest.Server

	mu   sync.Mutex // guards seen
	seen []http.Header
}

func newGuarded(t *testing.T) *guarded {
	g := &guarded{}
	g.app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what came is what counts
		g.mu.Lock()
		g.seen = append(g.seen, r.Header.Clone())
		g.mu.Unlock()
		_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("X-Stagedoor-User"), body)
	}))
	t.Cleanup(g.app.Close)
	return g
}

func (g *guarded) visits() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.seen)
}

// host is the address that stands in the example for a server of the test.
func host(server *httptest.Server) string { return strings.TrimPrefix(server.URL, "http://") }

// TestBehindNginx runs the README's example in nginx.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	w, g, address := stage.NewWorld(t, stage.Options{}), newGuarded(t), sessiontest.FreeAddress(t)
	server := replaced(t, example(t, verifyHeading, "nginx"),
		"127.0.0.1:8000", address, "127.0.0.1:8080", host(w.Balancer), "127.0.0.1:3000", host(g.app))
	stage.StartNginx(t, address, server)
	g.expectGuarded(t, w, address)
}

// TestBehindCaddy runs the README's example in Caddy.
func TestBehindCaddy(t *testing.T) {
	t.Parallel()
	caddy := stage.Found(t, "caddy")
	w, g, address, folder := stage.NewWorld(t, stage.Options{}), newGuarded(t), sessiontest.FreeAddress(t), t.TempDir()
	site := replaced(t, example(t, verifyHeading, "caddyfile"),
		"127.0.0.1:8000", address, "127.0.0.1:8080", host(w.Balancer), "127.0.0.1:3000", host(g.app))
	config := filepath.Join(folder, "Caddyfile")
	stage.WriteFile(t, config, "{\n\tadmin off\n\tauto_https off\n}\n"+site)
	stage.StartProxy(t, address, folder, caddy, "run", "--config", config, "--adapter", "caddyfile")
	g.expectGuarded(t, w, address)
}

// expectGuarded goes to the app through another proxy: only users who are logged in pass, and the app learns their names.
func (g *guarded) expectGuarded(t *testing.T, w *stage.World, address string) {
	t.Helper()
	anonymous, v := w.Visitor(), w.Visitor()
	anonymous.Origin = "http://" + address
	for _, headers := range [][]string{
		nil, {"X-Stagedoor-User", "ada"}, {"Cookie", "stagedoor=" + strings.Repeat("A", 43)}, {"Sec-Fetch-Dest", "document"},
	} {
		if a := anonymous.Get("/page", headers...); a.Status != http.StatusUnauthorized {
			t.Errorf("anonymous with %v got %d %s", headers, a.Status, a.Body)
		}
	}
	if a := anonymous.Do(http.MethodPost, "/page", "text"); a.Status != http.StatusUnauthorized {
		t.Errorf("an anonymous POST got %d %s", a.Status, a.Body)
	}
	if g.visits() != 0 {
		t.Errorf("%d anonymous requests reached the app", g.visits())
	}

	v.Login("ada")
	v.Origin = anonymous.Origin // cookies know no ports
	if got := v.Status(); got.User.ID != "ada" {
		t.Errorf("/auth/ through the proxy says %+v", got)
	}
	if a := v.Get("/page?x=1", "X-Stagedoor-User", "mallory"); a.Status != http.StatusOK || a.Body != "GET /page ada " {
		t.Errorf("logged in it got %d %q", a.Status, a.Body)
	}
	if a := v.Do(http.MethodPost, "/page", "text"); a.Status != http.StatusOK || a.Body != "POST /page ada text" {
		t.Errorf("a POST got %d %q", a.Status, a.Body)
	}
	for _, seen := range g.seen {
		if values := seen.Values("X-Stagedoor-User"); len(values) != 1 || seen.Get("Authorization") != "" {
			t.Errorf("the app has seen %v", seen)
		}
	}
	if a := v.Do(http.MethodPost, "/auth/logout", "", "Origin", w.Balancer.URL); a.Status != http.StatusNoContent {
		t.Errorf("the logout got %d %s", a.Status, a.Body)
	}
	if a := v.Get("/page"); a.Status != http.StatusUnauthorized {
		t.Errorf("after the logout it got %d %q", a.Status, a.Body)
	}
}

// TestBehindTraefik sends what Traefik's ForwardAuth sends: the browser's headers and its own, by GET whatever the method.
func TestBehindTraefik(t *testing.T) {
	t.Parallel()
	text := example(t, verifyHeading, "yaml")
	replaced(t, text, "forwardAuth:", "", "/auth/verify", "", "authResponseHeaders: [X-Stagedoor-User]", "")
	w := stage.NewWorld(t, stage.Options{})
	v := w.Visitor()
	sent := []string{
		"X-Forwarded-Method", "POST", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example", "X-Forwarded-Uri", "/page",
		"X-Forwarded-For", "203.0.113.9", "Origin", "https://app.example", "Sec-Fetch-Site", "cross-site",
		"Content-Type", "text/plain",
	}
	if a := v.Get("/auth/verify", sent...); a.Status != http.StatusUnauthorized || a.Header.Get("X-Stagedoor-User") != "" {
		t.Errorf("anonymous: %d %v", a.Status, a.Header)
	}
	v.Login("ada")
	a := v.Get("/auth/verify", sent...)
	if a.Status != http.StatusNoContent || a.Header.Get("X-Stagedoor-User") != "ada" || a.Body != "" {
		t.Errorf("logged in: %d %v %q", a.Status, a.Header, a.Body)
	}
	for _, token := range w.Bearers() {
		if strings.Contains(fmt.Sprint(a.Header), token) {
			t.Error("the answer holds the token")
		}
	}
	if a := v.Do(http.MethodPost, "/auth/verify", ""); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("POST answered %d", a.Status)
	}
	w.Redis.Stop()
	w.Visitor().Get("/auth/verify", "Cookie", "stagedoor="+strings.Repeat("A", 43)).
		Expect(t, "nobody knows whether that session is good", http.StatusServiceUnavailable, "STORE_UNAVAILABLE")
	w.Redis.Start()
}
