package listen

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for range 2 { // the second time over a socket that was left
		listener, err := Open(UnixPrefix+path, "server.listen")
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
			t.Errorf("the mode is %v (%v)", info.Mode(), err)
		}
		if _, err := Open(UnixPrefix+path, "server.listen"); err == nil || !strings.Contains(err.Error(), "another program listens there") {
			t.Errorf("a second listener: %v", err)
		}
		listener.(*net.UnixListener).SetUnlinkOnClose(false) // as a process that is killed
		_ = listener.Close()
	}
	listener, err := Open(UnixPrefix+path, "server.listen")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket outlives its listener")
	}
}

func TestUnixSocketInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(UnixPrefix+path, "server.listen"); err == nil || !strings.Contains(err.Error(), "something else than a socket") {
		t.Errorf("over a file: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file is %q (%v)", text, err)
	}
	if _, err := Open(UnixPrefix+filepath.Join(t.TempDir(), "none", "s"), "server.listen"); err == nil || !strings.Contains(err.Error(), "its folder must be there") {
		t.Errorf("without a folder: %v", err)
	}
}

func TestSocketOfSystemdThatIsNotThere(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"no socket":       {},
		"another process": {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "http"},
	} {
		if _, err := inherit("http", "server.listen", func(key string) string { return env[key] }); err == nil || !strings.Contains(err.Error(), "server.listen: systemd has opened no socket") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
