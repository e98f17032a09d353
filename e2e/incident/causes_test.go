package incident

import (
	"crypto/tls"
	"crypto/x509"
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
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session"
)

// canLogIn tells whether a new browser can.
func canLogIn(n *night) bool {
	a, err := n.Visitor().Try(http.MethodGet, "/auth/login", "")
	return err == nil && a.Status == http.StatusOK
}

// notOverloaded tells whether as many requests as before are served.
func notOverloaded(n *night) bool {
	var (
		all     sync.WaitGroup
		refused atomic.Int64
	)
	for _, f := range n.crowd {
		all.Go(func() {
			if a, err := f.Try(http.MethodGet, "/", ""); err != nil || a.Status != http.StatusOK {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	return refused.Load() == 0
}

// edit changes the configuration of every replica, and reload has them read it.
func (n *night) edit(old, text string) {
	n.t.Helper()
	for _, p := range n.Replicas {
		p.Edit(old, text)
	}
}

func (n *night) reload() {
	n.t.Helper()
	for _, p := range n.Replicas {
		p.Reload()
	}
}

// ban has the Web API reject every call of the app for so long.
func (n *night) ban(d time.Duration) {
	if *shipped {
		d *= 12
	}
	if err := n.Spotify.Ban(stage.ClientID, d); err != nil {
		n.t.Fatal(err)
	}
}

// point has a symbolic link lead to another file.
func (n *night) point(link, target string) {
	if err := os.Remove(link); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		n.t.Fatal(err)
	}
}

// auditFile is a symbolic link to a file for audit lines.
func auditFile(t *testing.T) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "audit.log")
	if err := os.Symlink(link+".real", link); err != nil {
		t.Fatal(err)
	}
	return link
}

// frontend is a frontend that can become slow, or break its connections.
type frontend struct {
	slow   atomic.Int64 // nanoseconds that an answer takes
	broken atomic.Bool
}

// routes are those of a gateway in front of it.
func (f *frontend) routes(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.broken.Load() {
			panic(http.ErrAbortHandler)
		}
		select {
		case <-time.After(time.Duration(f.slow.Load())):
			_, _ = io.WriteString(w, "hello") // the client may have left
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	return fmt.Sprintf("\n  - {path: /api/, upstream: spotify, credentials: user}\n  - {path: /, upstream: %q}\n", server.URL)
}

// lone is the configuration of a gateway without Redis; what is in it is below server: and routes:.
func lone(t *testing.T, server, routes string) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, config, fmt.Sprintf(`
server:
  listen: 127.0.0.1:0
%s
admin: {listen: 127.0.0.1:0}
spotify: {client_id: id, client_secret: secret}
session: {store: memory, keys: [%q]}
upstream: {header_timeout: 10m}
routes: [%s]
`, server, session.NewKey().Reveal(), routes))
	return config
}

// secureGateway is a gateway that ends TLS.
type secureGateway struct {
	process   *stage.Process
	cert, key string
	roots     *x509.CertPool
}

func (s *secureGateway) start(n *night, life time.Duration) {
	folder := n.t.TempDir()
	s.cert, s.key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	s.renew(n, life)
	config := lone(n.t, fmt.Sprintf("  public_url: https://127.0.0.1:8443\n  tls: {cert_file: %q, key_file: %q}", s.cert, s.key),
		fmt.Sprintf("{path: /, files: %q}", folder))
	s.process = stage.StartProcess(n.t, config)
	n.scrape(s.process)
}

// expire lets the certificate of the gateway, which starts if it has not yet, have expired.
func (s *secureGateway) expire(n *night) {
	if s.process == nil {
		s.start(n, time.Hour)
	}
	s.renew(n, -time.Hour)
}

// renew puts a certificate with so much life into the files.
func (s *secureGateway) renew(n *night, life time.Duration) {
	s.roots = stage.SelfSignedUntil(n.t, time.Now().Add(life), s.cert, s.key)
}

// trusted tells whether a browser accepts the certificate.
func (s *secureGateway) trusted() bool {
	connection, err := tls.Dial("tcp", s.process.Public(), &tls.Config{RootCAs: s.roots})
	if err != nil {
		return false
	}
	return connection.Close() == nil
}

// dropLines leaves the log of a gateway unread until lines are dropped.
func dropLines(n *night) {
	p := stage.StartProcess(n.t, lone(n.t, "", fmt.Sprintf("{path: /, files: %q}", n.t.TempDir())))
	n.scrape(p)
	n.await("Prometheus scrapes the gateway", func() bool { return n.finds("stagedoor_log_lines_dropped_total") == 2 })
	p.Reading.Lock()
	n.await("lines are dropped", func() bool {
		for range 100 {
			response, err := http.Get("http://" + p.Public() + "/" + strings.Repeat("x", 1500))
			if err != nil {
				n.t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body) // only the log matters
			_ = response.Body.Close()
		}
		return p.Metric("stagedoor_log_lines_dropped_total") > 0
	})
}

// openFiles has clients and a hanging frontend take nearly all files of a gateway.
func openFiles(n *night) {
	const files = 256
	ended := make(chan struct{})
	n.t.Cleanup(func() { close(ended) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/quick":
			return
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush() // the client may have left
		}
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	}))
	n.t.Cleanup(server.Close)
	p := stage.StartLimited(n.t, lone(n.t, "", fmt.Sprintf("{path: /, upstream: %q}", server.URL)), files)
	n.scrape(p)
	connect := func(count int, text string) {
		for range count {
			connection, err := net.Dial("tcp", p.Public())
			if err != nil {
				n.t.Fatal(err)
			}
			n.t.Cleanup(func() { _ = connection.Close() })
			if _, err := io.WriteString(connection, text); err != nil {
				n.t.Fatal(err)
			}
		}
	}
	connect(files*3/32, "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	connect(files*3/16, "GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	connect(files/2-files*3/32-files*3/16, "GET /quick HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
}

// anotherBuild adds a gateway of an older version.
func anotherBuild(n *night) {
	older := filepath.Join(n.t.TempDir(), "stagedoor")
	args := append([]string{"build", "-o", older, "-ldflags", "-X main.version=v0.0.1"}, stage.BuildFlags...)
	if output, err := exec.Command("go", append(args, "stagedoor")...).CombinedOutput(); err != nil {
		n.t.Fatalf("go build: %v\n%s", err, output)
	}
	n.scrape(stage.StartProgram(n.t, older, lone(n.t, "", fmt.Sprintf("{path: /, files: %q}", n.t.TempDir()))))
}

// restart ends a replica and starts it again, until Prometheus has seen it.
func restart(n *night) {
	p := n.Replicas[1]
	p.Restart()
	started := p.Metric("process_start_time_seconds")
	n.await("Prometheus has seen the start", func() bool {
		return n.finds(fmt.Sprintf("process_start_time_seconds{instance=%q} == %f", p.Admin, started)) == 1
	})
}
