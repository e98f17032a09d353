package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// overSocket is a client of a Unix socket.
func overSocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// startHere starts a gateway that the usual helper does not know how to reach, with more files open, and returns its log.
func startHere(t *testing.T, config string, wrapper []string, files ...*os.File) (log string, command *exec.Cmd) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "log")
	output, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	arguments := append(wrapper, stage.Binary, "serve", "-config", config)
	command = exec.Command(arguments[0], arguments[1:]...)
	command.Stderr, command.ExtraFiles = output, files
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()
	})
	sessiontest.Eventually(t, stage.StartTime, "the gateway serves", func() bool {
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), `"msg":"serving"`)
	})
	return log, command
}

// TestUnixSockets has both listeners and Redis on Unix sockets.
func TestUnixSockets(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "s") // short, as the paths of sockets must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	server := sessiontest.StartRedis(t)
	socketOfRedis := filepath.Join(folder, "redis")
	forward(t, socketOfRedis, server.Addr())
	config := filepath.Join(folder, "config.yaml")
	stage.WriteFile(t, config, fmt.Sprintf(`
server: {listen: "unix:%s/http", public_url: http://127.0.0.1:8080, trusted_proxies: [unix]}
admin: {listen: "unix:%s/admin"}
spotify: {client_id: id, client_secret: secret}
session: {keys: [AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=]}
redis: {addresses: ["unix:%s"]}
`, folder, folder, socketOfRedis))
	log, command := startHere(t, config, nil)
	request, err := http.NewRequest(http.MethodGet, "http://gateway/auth/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "192.0.2.7")
	answer, err := overSocket(folder + "/http").Do(request)
	if err != nil {
		t.Fatal(err)
	}
	var told struct{ Authenticated *bool }
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil || told.Authenticated == nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the answer is %d, %v", answer.StatusCode, err)
	}
	_ = answer.Body.Close()
	if code, _, said := stage.Stagedoor(t, nil, "healthcheck", "-config", config); code != 0 {
		t.Errorf("the health check ends with %d: %s", code, said)
	}
	sessiontest.Eventually(t, stage.StartTime, "the log has the client's address", func() bool {
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), `"client_ip":"192.0.2.7"`)
	})
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	if _, err := os.Stat(folder + "/http"); err == nil {
		t.Error("the socket is still there")
	}
}

// forward carries connections of a socket to an address.
func forward(t *testing.T, path, address string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", address)
			if err != nil {
				_ = from.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
			go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
		}
	}()
}

// TestSocketActivation hands a listener over as systemd does.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // the file keeps it open
	defer file.Close()
	config := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, config, `
server: {listen: "systemd:http", public_url: http://127.0.0.1:8080}
admin: {listen: ""}
spotify: {client_id: id, client_secret: secret}
session: {store: memory, keys: [AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=]}
`)
	startHere(t, config, []string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http exec "$0" "$@"`}, file)
	answer, err := http.Get("http://" + address + "/auth/session")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the answer is %d", answer.StatusCode)
	}
}
