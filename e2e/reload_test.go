package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// edit changes a text in the process's configuration file.
func (p *process) edit(old, text string) {
	p.t.Helper()
	was, err := os.ReadFile(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	if strings.Count(string(was), old) != 1 {
		p.t.Fatalf("%q is not there once in %s", old, was)
	}
	writeFile(p.t, p.config, strings.Replace(string(was), old, text, 1))
}

// What a process says last about a new configuration.
const (
	reloaded    = "configuration reloaded"
	notReloaded = "the configuration was not reloaded"
)

// reload has the process read its configuration file again and returns what it says about it.
func (p *process) reload() string {
	p.t.Helper()
	before := len(p.log())
	p.signal(syscall.SIGHUP)
	return p.awaitReload(before)
}

// awaitReload returns what the process logs from a place on until it has taken a configuration into use, or refused one.
func (p *process) awaitReload(from int) string {
	p.t.Helper()
	var said string
	sessiontest.Eventually(p.t, startTime, "the process speaks of a new configuration", func() bool {
		said = p.log()[from:]
		return strings.Contains(said, reloaded) || strings.Contains(said, notReloaded)
	})
	return said
}

// expectSaid wants texts in a log.
func expectSaid(t *testing.T, what, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%s: the log lacks %s:\n%s", what, text, said)
		}
	}
}

// TestReloadUnderLoad reloads while users come and go, a stream runs and a WebSocket is open: nobody notices. A process
// that ends waits for what began under an older configuration.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	const reloads = 8
	ended := make(chan struct{})
	end := sync.OnceFunc(func() { close(ended) })
	frontend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/socket":
			echo(w, r)
			return
		case "/":
			return // where a login leads
		}
		_, _ = fmt.Fprintln(w, "begin") // the reader tells
		_ = http.NewResponseController(w).Flush()
		select {
		case <-ended:
			_, _ = fmt.Fprintln(w, "end")
		case <-r.Context().Done():
		}
	}))
	defer frontend.Close()
	defer end()
	w := newWorld(t, options{users: 3, routes: fmt.Sprintf(`
  - {path: /api/, upstream: spotify, credentials: user}
  - {path: /, upstream: %q}
`, frontend.URL)})
	p, crowd := w.replicas[0], w.crowd(3)
	socket := p.openSocket(t, "/socket")
	stream, err := http.Get("http://" + p.public() + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	lines := bufio.NewReader(stream.Body)
	expectLine(t, lines, "begin")

	h, stop := newHistory(), make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() { w.steadily(100, stop, func(n int) { h.me(crowd[n%len(crowd)]) }) })
	for i := range reloads {
		at := h.count()
		p.edit("\nroutes:", fmt.Sprintf("\nroutes:\n  - {path: /api%d/, upstream: spotify, credentials: user}", i))
		expectSaid(t, "a new route", p.reload(), reloaded, `"changed":["routes"]`)
		crowd[0].get(fmt.Sprintf("/api%d/me", i)).expect(t, "the new route", 200, "")
		sessiontest.Eventually(t, startTime, "users are served meanwhile", func() bool { return h.count() > at+5 })
		socket.say(t, fmt.Sprint("after reload ", i))
	}
	close(stop)
	load.Wait()
	if h.count(ok) != h.count() {
		t.Errorf("of %d requests some failed: %v", h.count(), h)
	}
	p.signal(syscall.SIGTERM)
	sessiontest.Eventually(t, startTime, "the listener is closed", func() bool { return !p.accepts() })
	socket.say(t, "after SIGTERM")
	end()
	expectLine(t, lines, "end")
	socket.close()
	if err := p.wait(); err != nil {
		t.Errorf("the process ended with %v", err)
	}
}

func expectLine(t *testing.T, lines *bufio.Reader, want string) {
	t.Helper()
	if got, err := lines.ReadString('\n'); err != nil || got != want+"\n" {
		t.Fatalf("read %q, %v; want %s", got, err, want)
	}
}

// TestBadFileChangesNothing sends a file with a typo, and then its mend.
func TestBadFileChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{server: "max_path: 100"})
	p, v := w.replicas[0], w.visitor()
	v.login("ada")
	started := p.metric("stagedoor_config_last_reload_success_timestamp_seconds")
	if since := time.Since(time.Unix(int64(started), 0)); since < 0 || since > time.Hour {
		t.Errorf("the configuration was read %v ago", since)
	}
	p.edit("max_path: 100", "max_pth: 20")
	said := p.reload()
	expectSaid(t, "a typo", said, notReloaded, p.config+":", "did you mean max_path?", `"level":"warn"`)
	if strings.Contains(said, reloaded) {
		t.Errorf("the typo was taken into use: %s", said)
	}
	v.expectMe("ada")
	v.get("/api/me/"+strings.Repeat("x", 50)).expect(t, "a path within the old limit", 404, "") // Spotify's own
	if !p.ready() {
		t.Error("a bad file makes the gateway unready")
	}
	if ok, bad := p.metric(reloadsOf("ok")), p.metric(reloadsOf("refused")); ok != 0 || bad != 1 {
		t.Errorf("%v reloads are ok and %v refused", ok, bad)
	}
	if now := p.metric("stagedoor_config_last_reload_success_timestamp_seconds"); now != started {
		t.Errorf("the last success was at %v and is at %v", started, now)
	}

	p.edit("max_pth: 20", "max_path: 20")
	expectSaid(t, "the mend", p.reload(), reloaded, `"changed":["server.max_path"]`)
	v.get("/api/me/"+strings.Repeat("x", 50)).expect(t, "a path beyond the new limit", 404, "PATH_REFUSED")
	if ok := p.metric(reloadsOf("ok")); ok != 1 {
		t.Errorf("%v reloads are ok", ok)
	}
	if now := p.metric("stagedoor_config_last_reload_success_timestamp_seconds"); now <= started {
		t.Errorf("the last success was at %v and is at %v", started, now)
	}
}

func reloadsOf(result string) string {
	return fmt.Sprintf("stagedoor_config_reloads_total{result=%q}", result)
}

// TestReloadTakesEffect changes one of each, and what needs a restart besides, which is named and stays.
func TestReloadTakesEffect(t *testing.T) {
	t.Parallel()
	const other = "https://other.example"
	w := newWorld(t, options{server: "allowed_origins: []\nmax_request_body: 1KiB"})
	p, v := w.replicas[0], w.visitor()
	v.login("ada")
	body := strings.Repeat("x", 600)
	v.do("PUT", "/api/me/player/pause", body, "Content-Type", "application/json").expect(t, "a body within the limit", 403, "INSUFFICIENT_SCOPE") // Spotify's own
	v.get("/api/me", "Origin", other).expect(t, "a foreign origin", 403, "CROSS_ORIGIN_REFUSED")

	p.edit("allowed_origins: []", "allowed_origins: ["+other+"]")
	p.edit("max_request_body: 1KiB", "max_request_body: 500")
	p.edit("level: info", "level: debug")
	p.edit("  client_id: ", "  scopes: [user-read-private, streaming]\n  client_id: ")
	p.edit("routes:", "routes:\n  - {path: /app/, upstream: spotify, credentials: app}")
	said := p.reload()
	expectSaid(t, "one of each", said, reloaded,
		`"changed":["server.allowed_origins","server.max_request_body","log.level","spotify.scopes","routes"]`)
	v.do("PUT", "/api/me/player/pause", body).expect(t, "a body beyond the limit", 413, "BODY_TOO_LARGE")
	a := v.get("/api/me", "Origin", other)
	a.expect(t, "a listed origin", 200, "")
	if got := a.header.Get("Access-Control-Allow-Origin"); got != other {
		t.Errorf("CORS allows %q", got)
	}
	v.get("/app/albums/1").expect(t, "a new route, where Spotify looks at the id", 400, "")
	if location, _ := v.step(v.origin + "/auth/login"); !strings.Contains(location, "streaming") {
		t.Errorf("the login goes to %s", location)
	}
	if strings.Contains(said, clientSecret) || strings.Contains(said, w.key.Reveal()) {
		t.Errorf("the log has a secret: %s", said)
	}

	p.edit("listen: 127.0.0.1:0\n", "listen: 127.0.0.1:1\n")
	p.edit("public_url: "+w.balancer.URL, "public_url: http://127.0.0.1:2\n  max_header: 128KiB\n  shutdown_timeout: 29s")
	p.edit("\nsession:", "\nsession:\n  store: memory")
	said = p.reload()
	expectSaid(t, "a restart", said, reloaded, `"changed":["server.shutdown_timeout"]`, "need a restart",
		`"keys":["server.listen","server.public_url","server.max_header","session.store"]`)
	v.expectMe("ada")
	p.edit("shutdown_timeout: 29s", "shutdown_timeout: 28s")
	expectSaid(t, "the restart is still due", p.reload(), `"keys":["server.listen","server.public_url","server.max_header","session.store"]`)
}
