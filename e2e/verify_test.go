package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stagedoor/session/sessiontest"
)

const verifyHeading = "## Behind nginx, Caddy or Traefik"

// guarded is an app behind another proxy, which asks the gateway who may pass.
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

// startProxy runs another proxy in the foreground until the test ends, and waits until it listens.
func startProxy(t testing.TB, address, folder, name string, args ...string) {
	t.Helper()
	var output bytes.Buffer
	command := exec.Command(name, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_CONFIG_HOME="+folder, "XDG_DATA_HOME="+folder)
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // it is killed in the end
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		<-ended
	})
	sessiontest.Eventually(t, startTime, name+" listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", name, output.String())
		default:
		}
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
}

// found returns where a program is, or skips the test with a sentence.
func found(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // where daemons are, which is not in everybody's PATH
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	software := or(map[string]string{"varnishd": "varnish"}[name], name)
	sessiontest.Require(t, software, fmt.Sprintf("Install %s, such as Debian's package %s.", name, software), err == nil)
	return path
}

// TestBehindNginx runs the README's example in nginx.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	w, g, address := newWorld(t, options{}), newGuarded(t), sessiontest.FreeAddress(t)
	server := replaced(t, example(t, verifyHeading, "nginx"),
		"127.0.0.1:8000", address, "127.0.0.1:8080", host(w.balancer), "127.0.0.1:3000", host(g.app))
	startNginx(t, address, server)
	g.expectGuarded(t, w, address)
}

// TestBehindCaddy runs the README's example in Caddy.
func TestBehindCaddy(t *testing.T) {
	t.Parallel()
	caddy := found(t, "caddy")
	w, g, address, folder := newWorld(t, options{}), newGuarded(t), sessiontest.FreeAddress(t), t.TempDir()
	site := replaced(t, example(t, verifyHeading, "caddyfile"),
		"127.0.0.1:8000", address, "127.0.0.1:8080", host(w.balancer), "127.0.0.1:3000", host(g.app))
	config := filepath.Join(folder, "Caddyfile")
	writeFile(t, config, "{\n\tadmin off\n\tauto_https off\n}\n"+site)
	startProxy(t, address, folder, caddy, "run", "--config", config, "--adapter", "caddyfile")
	g.expectGuarded(t, w, address)
}

// expectGuarded goes to the app through another proxy: nobody passes but who is logged in, and the app learns who.
func (g *guarded) expectGuarded(t *testing.T, w *world, address string) {
	t.Helper()
	anonymous, v := w.visitor(), w.visitor()
	anonymous.origin = "http://" + address
	for _, headers := range [][]string{
		nil, {"X-Stagedoor-User", "ada"}, {"Cookie", "stagedoor=" + strings.Repeat("A", 43)}, {"Sec-Fetch-Dest", "document"},
	} {
		if a := anonymous.get("/page", headers...); a.status != http.StatusUnauthorized {
			t.Errorf("anonymous with %v got %d %s", headers, a.status, a.body)
		}
	}
	if a := anonymous.do(http.MethodPost, "/page", "text"); a.status != http.StatusUnauthorized {
		t.Errorf("an anonymous POST got %d %s", a.status, a.body)
	}
	if g.visits() != 0 {
		t.Errorf("%d anonymous requests reached the app", g.visits())
	}

	v.login("ada")
	v.origin = anonymous.origin // cookies know no ports
	if got := v.status(); got.User.ID != "ada" {
		t.Errorf("/auth/ through the proxy says %+v", got)
	}
	if a := v.get("/page?x=1", "X-Stagedoor-User", "mallory"); a.status != http.StatusOK || a.body != "GET /page ada " {
		t.Errorf("logged in it got %d %q", a.status, a.body)
	}
	if a := v.do(http.MethodPost, "/page", "text"); a.status != http.StatusOK || a.body != "POST /page ada text" {
		t.Errorf("a POST got %d %q", a.status, a.body)
	}
	for _, seen := range g.seen {
		if values := seen.Values("X-Stagedoor-User"); len(values) != 1 || seen.Get("Authorization") != "" {
			t.Errorf("the app has seen %v", seen)
		}
	}
	if a := v.do(http.MethodPost, "/auth/logout", "", "Origin", w.balancer.URL); a.status != http.StatusNoContent {
		t.Errorf("the logout got %d %s", a.status, a.body)
	}
	if a := v.get("/page"); a.status != http.StatusUnauthorized {
		t.Errorf("after the logout it got %d %q", a.status, a.body)
	}
}

// TestBehindTraefik sends what Traefik's ForwardAuth sends: the browser's headers and its own, by GET whatever the method.
func TestBehindTraefik(t *testing.T) {
	t.Parallel()
	text := example(t, verifyHeading, "yaml")
	replaced(t, text, "forwardAuth:", "", "/auth/verify", "", "authResponseHeaders: [X-Stagedoor-User]", "")
	w := newWorld(t, options{})
	v := w.visitor()
	sent := []string{
		"X-Forwarded-Method", "POST", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example", "X-Forwarded-Uri", "/page",
		"X-Forwarded-For", "203.0.113.9", "Origin", "https://app.example", "Sec-Fetch-Site", "cross-site",
		"Content-Type", "text/plain",
	}
	if a := v.get("/auth/verify", sent...); a.status != http.StatusUnauthorized || a.header.Get("X-Stagedoor-User") != "" {
		t.Errorf("anonymous: %d %v", a.status, a.header)
	}
	v.login("ada")
	a := v.get("/auth/verify", sent...)
	if a.status != http.StatusNoContent || a.header.Get("X-Stagedoor-User") != "ada" || a.body != "" {
		t.Errorf("logged in: %d %v %q", a.status, a.header, a.body)
	}
	for _, token := range w.bearers() {
		if strings.Contains(fmt.Sprint(a.header), token) {
			t.Error("the answer holds the token")
		}
	}
	if a := v.do(http.MethodPost, "/auth/verify", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST answered %d", a.status)
	}
	w.redis.Stop()
	w.visitor().get("/auth/verify", "Cookie", "stagedoor="+strings.Repeat("A", 43)).
		expect(t, "nobody knows whether that session is good", http.StatusServiceUnavailable, "STORE_UNAVAILABLE")
	w.redis.Start()
}
