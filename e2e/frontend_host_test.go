package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestStockNginxAsFrontend follows the redirect that nginx makes of a folder without its slash: to the Host that it is asked
// with, and the port that it listens on.
func TestStockNginxAsFrontend(t *testing.T) {
	t.Parallel()
	root, address := t.TempDir(), sessiontest.FreeAddress(t)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	stage.WriteFile(t, filepath.Join(root, "docs", "index.html"), "<!doctype html><title>the docs</title>")
	stage.StartNginx(t, address, fmt.Sprintf("server { listen %s; root %s; }", address, root))
	for _, host := range []string{"", "public", "upstream"} {
		w := stage.NewWorld(t, stage.Options{Routes: fmt.Sprintf("\n  - {path: /, upstream: \"http://%s\", host: %q}\n", address, host)})
		location, a := w.Visitor().Step(w.Balancer.URL + "/docs?a=%2F")
		if a.Status != http.StatusMovedPermanently || location != w.Balancer.URL+"/docs/?a=%2F" {
			t.Errorf("host %q: /docs is answered %d and leads to %s", host, a.Status, location)
		}
		if a := w.Visitor().Get("/docs/"); a.Status != http.StatusOK || !strings.Contains(a.Body, "the docs") {
			t.Errorf("host %q: /docs/ is answered %d %s", host, a.Status, a.Body)
		}
	}
}

// TestProxyOfTheEnvironment has HTTP_PROXY name a proxy that answers everything itself. Frontends are not asked through it.
func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	company := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the company's proxy knows no such site", http.StatusBadGateway)
	}))
	defer company.Close()
	frontend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "the frontend")
	}))
	_ = frontend.Listener.Close() // net/http asks loopback addresses without a proxy, so it must have another
	listener, err := net.Listen("tcp", outerAddress(t)+":0")
	if err != nil {
		t.Fatal(err)
	}
	frontend.Listener = listener
	frontend.Start()
	defer frontend.Close()
	w := stage.NewWorld(t, stage.Options{
		Routes:  fmt.Sprintf("\n  - {path: /, upstream: %q}\n", frontend.URL),
		Prepare: func(w *stage.World) { w.Env = []string{"HTTP_PROXY=" + company.URL, "NO_PROXY="} },
	})
	if a := w.Visitor().Get("/"); a.Status != http.StatusOK || a.Body != "the frontend" {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
}

// outerAddress returns an IPv4 address of this machine that is not a loopback one.
func outerAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
			return network.IP.String()
		}
	}
	t.Skip("This machine has only loopback addresses, which are asked without a proxy anyway: run it in a network.")
	return ""
}
