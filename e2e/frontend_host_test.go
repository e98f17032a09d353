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
	writeFile(t, filepath.Join(root, "docs", "index.html"), "<!doctype html><title>the docs</title>")
	startNginx(t, address, fmt.Sprintf("server { listen %s; root %s; }", address, root))
	for _, host := range []string{"", "public", "upstream"} {
		w := newWorld(t, options{routes: fmt.Sprintf("\n  - {path: /, upstream: \"http://%s\", host: %q}\n", address, host)})
		location, a := w.visitor().step(w.balancer.URL + "/docs?a=%2F")
		if a.status != http.StatusMovedPermanently || location != w.balancer.URL+"/docs/?a=%2F" {
			t.Errorf("host %q: /docs is answered %d and leads to %s", host, a.status, location)
		}
		if a := w.visitor().get("/docs/"); a.status != http.StatusOK || !strings.Contains(a.body, "the docs") {
			t.Errorf("host %q: /docs/ is answered %d %s", host, a.status, a.body)
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
	w := newWorld(t, options{
		routes:  fmt.Sprintf("\n  - {path: /, upstream: %q}\n", frontend.URL),
		prepare: func(w *world) { w.env = []string{"HTTP_PROXY=" + company.URL, "NO_PROXY="} },
	})
	if a := w.visitor().get("/"); a.status != http.StatusOK || a.body != "the frontend" {
		t.Errorf("answered %d %s", a.status, a.body)
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
