package stage

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/session/sessiontest"
)

// StartProxy runs another proxy in the foreground until the test ends, and waits until it listens.
func StartProxy(t testing.TB, address, folder, name string, args ...string) {
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
	sessiontest.Eventually(t, StartTime, name+" listens", func() bool {
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

// Found returns where a program is, or skips the test with a sentence.
func Found(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // where daemons are, which is not in everybody's PATH
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	software := Or(map[string]string{"varnishd": "varnish"}[name], name)
	sessiontest.Require(t, software, fmt.Sprintf("Install %s, such as Debian's package %s.", name, software), err == nil)
	return path
}

// StartNginx runs nginx with a server block that listens on an address, until the test ends.
func StartNginx(t testing.TB, address, server string) {
	t.Helper()
	folder := t.TempDir()
	config := filepath.Join(folder, "nginx.conf")
	WriteFile(t, config, strings.NewReplacer("FOLDER", folder, "SERVER", server).Replace(`daemon off; master_process off;
pid FOLDER/pid; error_log stderr;
events {}
http {
access_log off;
client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
SERVER
}
`))
	StartProxy(t, address, folder, Found(t, "nginx"), "-c", config, "-p", folder, "-e", "stderr")
}
