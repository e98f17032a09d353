package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// liveProxies are what docs/live.md says of other proxies. Each takes ADDRESS and passes on to GATEWAY.
var liveProxies = map[string]func(t *testing.T, address, gateway string){
	"nginx": func(t *testing.T, address, gateway string) {
		stage.StartNginx(t, address, strings.NewReplacer("ADDRESS", address, "GATEWAY", gateway).Replace(`server { listen ADDRESS;
location / { proxy_pass http://GATEWAY; proxy_http_version 1.1; proxy_set_header Connection ""; } }`))
	},
	"nginx over HTTP/1.0": func(t *testing.T, address, gateway string) {
		stage.StartNginx(t, address, strings.NewReplacer("ADDRESS", address, "GATEWAY", gateway).Replace(
			`server { listen ADDRESS; location / { proxy_pass http://GATEWAY; proxy_http_version 1.0; } }`))
	},
	"caddy": func(t *testing.T, address, gateway string) {
		folder := t.TempDir()
		stage.WriteFile(t, filepath.Join(folder, "Caddyfile"), "{\n admin off\n auto_https off\n}\nhttp://"+address+" {\n reverse_proxy "+gateway+"\n}\n")
		stage.StartProxy(t, address, folder, stage.Found(t, "caddy"), "run", "--config", "Caddyfile")
	},
	"haproxy": func(t *testing.T, address, gateway string) {
		folder := t.TempDir()
		stage.WriteFile(t, filepath.Join(folder, "haproxy.cfg"), strings.NewReplacer("ADDRESS", address, "GATEWAY", gateway).Replace(`defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend public
  bind ADDRESS
  default_backend gateway
backend gateway
  server one GATEWAY
`))
		stage.StartProxy(t, address, folder, stage.Found(t, "haproxy"), "-db", "-f", "haproxy.cfg")
	},
	"vite": func(t *testing.T, address, gateway string) {
		npm := stage.Found(t, "npm")
		folder := t.TempDir()
		stage.WriteFile(t, filepath.Join(folder, "package.json"), `{"private": true, "type": "module"}`)
		stage.WriteFile(t, filepath.Join(folder, "index.html"), "<!doctype html><title>Vite</title>")
		host, port, _ := strings.Cut(address, ":")
		stage.WriteFile(t, filepath.Join(folder, "vite.config.js"), "export default { server: { host: '"+host+"', port: "+port+
			", strictPort: true, proxy: { '/onair': 'http://"+gateway+"' } } };\n")
		install := exec.CommandContext(t.Context(), npm, "install", "--no-audit", "--no-fund", "--silent", "vite@7")
		install.Dir = folder
		if output, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm install: %v\n%s", err, output)
		}
		stage.StartProxy(t, address, folder, filepath.Join(folder, "node_modules", ".bin", "vite"))
	},
}

// TestLiveBehindProxies reads a stream through other proxies as docs/live.md sets them up: what is sent passes at once, and a
// quiet stream stays open.
func TestLiveBehindProxies(t *testing.T) {
	stage.OnlyLong(t, "it waits for comments")
	t.Parallel()
	w := liveWorld(t, 1)
	w.ConnectAccount(t, "radio", "ada")
	for name, start := range liveProxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := sessiontest.FreeAddress(t)
			start(t, address, w.Replicas[0].Public())
			v := w.Visitor()
			v.T, v.Origin = t, "http://"+address
			begun := time.Now()
			s := v.Listen("/onair/me/player")
			if s.Status != http.StatusOK || s.Header.Get("Content-Type") != "text/event-stream" || s.Header.Get("Content-Encoding") != "" {
				t.Fatalf("the answer is %d %v", s.Status, s.Header)
			}
			s.State(0)
			if took := time.Since(begun); took > 3*time.Second+slack {
				t.Errorf("the first state came after %v", took)
			}
			if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
				t.Fatal(err)
			}
			s.State(1)
			quiet := time.Now()
			sessiontest.Eventually(t, time.Minute, "two comments pass", func() bool { return s.Comments() > 1 })
			t.Logf("two comments after %v", time.Since(quiet))
			if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
				t.Fatal(err)
			}
			states := s.Count("state")
			sessiontest.Eventually(t, 20*time.Second, "a change passes after them", func() bool { return s.Count("state") > states })
			s.Leave()
		})
	}
}
