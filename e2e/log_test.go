package e2e

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestLogOfALife reads what an operator does of one gateway's life: where what is served, the lines of a request with
// their fields, who logged in, and the end.
func TestLogOfALife(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	w := stage.NewWorld(t, stage.Options{Users: 1})
	p := w.Replicas[0]
	v := w.Visitor()
	v.Login("fan0001")
	v.Do("GET", "/api/me?code=in-the-query", "", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01").Expect(t, "an API call", 200, "")
	sessiontest.Eventually(t, stage.StartTime, "the call's line is there", func() bool { return strings.Contains(p.Log(), trace) })
	v.Do("POST", "/auth/logout", "").Expect(t, "a logout", 204, "")
	p.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}

	text := p.Log()
	for _, part := range []string{
		`"msg":"route","path":"/api/","to":"` + w.APIURL + `","credentials":"user"`, `"msg":"route","path":"/","to":"`,
		`"msg":"serving"`, `"msg":"shutting down"`, `"msg":"stopped"`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in the log", part)
		}
	}
	expectFields(t, text, "request", "/api/me", "bytes", "cache", "client_ip", "duration_ms", "level", "method", "msg", "path", "reason",
		"request_id", "route", "session", "status", "trace_id", "ts", "upstream_ms")
	expectFields(t, text, "audit", `"event":"login"`, "event", "level", "msg", "result", "session", "ts", "user")
	expectFields(t, text, "audit", `"event":"logout"`, "event", "level", "msg", "reason", "result", "session", "ts", "user")
	if strings.Contains(text, "in-the-query") {
		t.Error("a query is in the log")
	}
}

// expectFields wants the one line with a message and a text in it to have just these fields.
func expectFields(t *testing.T, log, message, with string, want ...string) {
	t.Helper()
	found := 0
	for line := range strings.Lines(log) {
		var fields map[string]any
		if !strings.Contains(line, with) || json.Unmarshal([]byte(line), &fields) != nil || fields["msg"] != message {
			continue
		}
		found++
		var names []string
		for name := range fields {
			names = append(names, name)
		}
		if slices.Sort(names); !slices.Equal(names, want) {
			t.Errorf("the line %s has the fields %v, want %v", line, names, want)
		}
	}
	if found != 1 {
		t.Errorf("%d lines %s have %s in them, want 1:\n%s", found, message, with, log)
	}
}

// TestConsoleLog reads the log of the demo, which is for a person.
func TestConsoleLog(t *testing.T) {
	t.Parallel()
	command := exec.Command(stage.Binary, "demo", "-listen", sessiontest.FreeAddress(t))
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for scanner := bufio.NewScanner(output); scanner.Scan(); {
		text.WriteString(scanner.Text() + "\n")
		if strings.Contains(scanner.Text(), `  route  {"path": "/", `) { // the last of the start
			_ = command.Process.Signal(syscall.SIGTERM) // Wait tells whether it had ended already
		}
	}
	if err := command.Wait(); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
	line := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3}  (DEBUG|INFO |WARN |ERROR)  \S.*\n$`)
	for row := range strings.Lines(text.String()) {
		if !line.MatchString(row) {
			t.Errorf("%q is no line for a person", row)
		}
	}
	for _, words := range []string{
		`  INFO   serving  {"listen": `, `  INFO   route  {"path": "/api/", "to": "http://`, `"credentials": "user"`, "  INFO   stopped",
	} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("%q is not in\n%s", words, text.String())
		}
	}
}
