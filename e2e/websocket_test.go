package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestWebSocketOutlivesSIGTERM checks that a connection that switched protocols is a request in flight like any other:
// it may go on until it ends, and then has its line in the log.
func TestWebSocketOutlivesSIGTERM(t *testing.T) {
	frontend := httptest.NewServer(http.HandlerFunc(echo))
	defer frontend.Close()
	w := stage.NewWorld(t, stage.Options{Routes: fmt.Sprintf("\n  - {path: /, upstream: %q}\n", frontend.URL)})
	p := w.Replicas[0]
	socket := openSocket(p, t, "/socket")
	socket.say(t, "before")
	p.Signal(syscall.SIGTERM)
	sessiontest.Eventually(t, stage.StartTime, "the listener is closed", func() bool { return !accepts(p) })
	socket.say(t, "after")
	socket.close() // that is what ends it
	if err := p.Wait(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	if lines := p.Logged(func(l stage.LogLine) bool { return l.Msg == "request" && l.Path == "/socket" }); len(lines) != 1 || lines[0].Status != 101 {
		t.Errorf("the log says %+v of the connection", lines)
	}
}

// socket is a connection that has switched protocols, to one of echo's.
type socket struct {
	connection net.Conn
	answers    *bufio.Reader
}

// openSocket has the frontend behind a process switch protocols. The connection is closed with the test.
func openSocket(p *stage.Process, t *testing.T, path string) *socket {
	t.Helper()
	connection, err := net.Dial("tcp", p.Public())
	if err != nil {
		t.Fatal(err)
	}
	s := &socket{connection, bufio.NewReader(connection)}
	t.Cleanup(s.close)
	_, _ = fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", path)
	if response, err := http.ReadResponse(s.answers, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the upgrade: %v, %v", response, err)
	}
	return s
}

// say sends a line and wants it back.
func (s *socket) say(t *testing.T, text string) {
	t.Helper()
	_, _ = io.WriteString(s.connection, text+"\n") // the answer tells
	if got, err := s.answers.ReadString('\n'); err != nil || got != text+"\n" {
		t.Fatalf("said %q, heard %q, %v", text, got, err)
	}
}

func (s *socket) close() { _ = s.connection.Close() }

// accepts tells whether the public listener takes connections.
func accepts(p *stage.Process) bool {
	connection, err := net.Dial("tcp", p.Public())
	if err == nil {
		_ = connection.Close()
	}
	return err == nil
}

// echo switches to a protocol in which each line comes back.
func echo(w http.ResponseWriter, r *http.Request) {
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+
		strings.ToLower(r.Header.Get("Upgrade"))+"\r\n\r\n")
	_, _ = io.Copy(connection, buffered)
}
