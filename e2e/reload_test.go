package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// edit changes a text in the process's configuration file.
func edit(p *stage.Process, old, text string) {
	p.T.Helper()
	p.Edit(old, text)
}

// What a process says last about a new configuration.
const (
	reloaded    = stage.Reloaded
	notReloaded = stage.NotReloaded
)

// reload has the process read its configuration file again and returns what it says about it.
func reload(p *stage.Process) string {
	p.T.Helper()
	return p.Reload()
}

// awaitReload returns what the process logs from a place on until it has taken a configuration into use, or refused one.
func awaitReload(p *stage.Process, from int) string {
	p.T.Helper()
	return p.AwaitReload(from)
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

// TestReloadUnderLoad reloads while users come and go, a stream runs and a WebSocket is open: no request fails. A process
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
	w := stage.NewWorld(t, stage.Options{Users: 3, Routes: fmt.Sprintf(`
  - {path: /api/, upstream: spotify, credentials: user}
  - {path: /, upstream: %q}
`, frontend.URL)})
	p, crowd := w.Replicas[0], w.Crowd(3)
	socket := openSocket(p, t, "/socket")
	stream, err := http.Get("http://" + p.Public() + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	lines := bufio.NewReader(stream.Body)
	expectLine(t, lines, "begin")

	h, stop := stage.NewHistory(), make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() { w.Steadily(100, stop, func(n int) { h.Me(crowd[n%len(crowd)]) }) })
	for i := range reloads {
		at := h.Count()
		edit(p, "\nroutes:", fmt.Sprintf("\nroutes:\n  - {path: /api%d/, upstream: spotify, credentials: user}", i))
		expectSaid(t, "a new route", reload(p), reloaded, `"changed":["routes"]`)
		crowd[0].Get(fmt.Sprintf("/api%d/me", i)).Expect(t, "the new route", 200, "")
		sessiontest.Eventually(t, stage.StartTime, "users are served meanwhile", func() bool { return h.Count() > at+5 })
		socket.say(t, fmt.Sprint("after reload ", i))
	}
	close(stop)
	load.Wait()
	if h.Count(stage.OK) != h.Count() {
		t.Errorf("of %d requests some failed: %v", h.Count(), h)
	}
	p.Signal(syscall.SIGTERM)
	sessiontest.Eventually(t, stage.StartTime, "the listener is closed", func() bool { return !accepts(p) })
	socket.say(t, "after SIGTERM")
	end()
	expectLine(t, lines, "end")
	socket.close()
	if err := p.Wait(); err != nil {
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
	w := stage.NewWorld(t, stage.Options{Server: "max_path: 100"})
	p, v := w.Replicas[0], w.Visitor()
	v.Login("ada")
	started := p.Metric("stagedoor_config_last_reload_success_timestamp_seconds")
	if since := time.Since(time.Unix(int64(started), 0)); since < 0 || since > time.Hour {
		t.Errorf("the configuration was read %v ago", since)
	}
	edit(p, "max_path: 100", "max_pth: 20")
	said := reload(p)
	expectSaid(t, "a typo", said, notReloaded, p.Config+":", "did you mean max_path?", `"level":"warn"`)
	if strings.Contains(said, reloaded) {
		t.Errorf("the typo was taken into use: %s", said)
	}
	v.ExpectMe("ada")
	v.Get("/api/me/"+strings.Repeat("x", 50)).Expect(t, "a path within the old limit", 404, "") // Spotify's own
	if !p.Ready() {
		t.Error("a bad file makes the gateway unready")
	}
	if ok, bad := p.Metric(reloadsOf("ok")), p.Metric(reloadsOf("refused")); ok != 0 || bad != 1 {
		t.Errorf("%v reloads are ok and %v refused", ok, bad)
	}
	if now := p.Metric("stagedoor_config_last_reload_success_timestamp_seconds"); now != started {
		t.Errorf("the last success was at %v and is at %v", started, now)
	}

	edit(p, "max_pth: 20", "max_path: 20")
	expectSaid(t, "the mend", reload(p), reloaded, `"changed":["server.max_path"]`)
	v.Get("/api/me/"+strings.Repeat("x", 50)).Expect(t, "a path beyond the new limit", 404, "PATH_REFUSED")
	if ok := p.Metric(reloadsOf("ok")); ok != 1 {
		t.Errorf("%v reloads are ok", ok)
	}
	if now := p.Metric("stagedoor_config_last_reload_success_timestamp_seconds"); now <= started {
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
	w := stage.NewWorld(t, stage.Options{Server: "allowed_origins: []\nmax_request_body: 1KiB"})
	p, v := w.Replicas[0], w.Visitor()
	v.Login("ada")
	body := strings.Repeat("x", 600)
	v.Do("PUT", "/api/me/player/pause", body, "Content-Type", "application/json").Expect(t, "a body within the limit", 403, "INSUFFICIENT_SCOPE") // Spotify's own
	v.Get("/api/me", "Origin", other).Expect(t, "a foreign origin", 403, "CROSS_ORIGIN_REFUSED")

	edit(p, "allowed_origins: []", "allowed_origins: ["+other+"]")
	edit(p, "max_request_body: 1KiB", "max_request_body: 500")
	edit(p, "level: info", "level: debug")
	edit(p, "  client_id: ", "  scopes: [user-read-private, streaming]\n  client_id: ")
	edit(p, "routes:", "routes:\n  - {path: /app/, upstream: spotify, credentials: app}")
	said := reload(p)
	expectSaid(t, "one of each", said, reloaded,
		`"changed":["server.allowed_origins","server.max_request_body","log.level","spotify.scopes","routes"]`)
	v.Do("PUT", "/api/me/player/pause", body).Expect(t, "a body beyond the limit", 413, "BODY_TOO_LARGE")
	a := v.Get("/api/me", "Origin", other)
	a.Expect(t, "a listed origin", 200, "")
	if got := a.Header.Get("Access-Control-Allow-Origin"); got != other {
		t.Errorf("CORS allows %q", got)
	}
	v.Get("/app/albums/1").Expect(t, "a new route, where Spotify looks at the id", 400, "")
	if location, _ := v.Step(v.Origin + "/auth/login"); !strings.Contains(location, "streaming") {
		t.Errorf("the login goes to %s", location)
	}
	if strings.Contains(said, stage.ClientSecret) || strings.Contains(said, w.Key.Reveal()) {
		t.Errorf("the log has a secret: %s", said)
	}

	edit(p, "listen: 127.0.0.1:0\n", "listen: 127.0.0.1:1\n")
	edit(p, "public_url: "+w.Balancer.URL, "public_url: http://127.0.0.1:2\n  max_header: 128KiB\n  shutdown_timeout: 29s")
	edit(p, "\nsession:", "\nsession:\n  store: memory")
	said = reload(p)
	expectSaid(t, "a restart", said, reloaded, `"changed":["server.shutdown_timeout"]`, "need a restart",
		`"keys":["server.listen","server.public_url","server.max_header","session.store"]`)
	v.ExpectMe("ada")
	edit(p, "shutdown_timeout: 29s", "shutdown_timeout: 28s")
	expectSaid(t, "the restart is still due", reload(p), `"keys":["server.listen","server.public_url","server.max_header","session.store"]`)
}
