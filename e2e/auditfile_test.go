package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// auditEvents returns the events of a file of audit lines, each of which must have the fields of docs/operations.md.
func auditEvents(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var events []string
	for line := range strings.Lines(string(text)) {
		var fields map[string]string
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, name := range []string{"ts", "level", "msg", "event", "result", "user", "session"} {
			if fields[name] == "" {
				t.Errorf("%s lacks %s", line, name)
			}
		}
		events = append(events, fields["event"])
	}
	return events
}

// TestAuditFile rotates the file of audit lines as logrotate does, and ends the gateway.
func TestAuditFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	w := stage.NewWorld(t, stage.Options{Users: 2, Log: "info, audit_file: " + path})
	p := w.Replicas[0]
	v := w.Visitor()
	v.Login("fan0001")
	v.Do("POST", "/auth/logout", "").Expect(t, "a logout", 204, "")
	sessiontest.Eventually(t, stage.StartTime, "the lines are written", func() bool { return len(auditEvents(t, path)) == 2 })
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	reload(p)
	w.Visitor().Login("fan0002")
	p.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	if got := auditEvents(t, path+".1"); !slices.Equal(got, []string{"login", "logout"}) {
		t.Errorf("the first file has %v", got)
	}
	if got := auditEvents(t, path); !slices.Equal(got, []string{"login"}) {
		t.Errorf("the second file has %v", got)
	}
	if strings.Contains(p.Log(), `"msg":"audit"`) {
		t.Error("audit lines are in the log as well")
	}
}
