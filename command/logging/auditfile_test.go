package logging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/config"
	"stagedoor/session/sessiontest"
)

// lockedBuffer is a buffer that is safe for concurrent use.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func newAudited(t *testing.T, c config.Log) (*Logger, *lockedBuffer) {
	t.Helper()
	others := &lockedBuffer{}
	log, err := New(c, others)
	if err != nil {
		t.Fatal(err)
	}
	return log, others
}

// events returns the value of event in each line of a file, in order.
func events(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		var fields struct{ Msg, Event string }
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields.Msg != "audit" {
			t.Errorf("%s has the line %q (%v)", path, line, err)
		}
		found = append(found, fields.Event)
	}
	return found
}

func TestAuditFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, others := newAudited(t, config.Log{Level: "error", Format: "console", AuditFile: path})
	log.Info("audit", zap.String("event", "login"))
	log.With(zap.String("a", "b")).Info("audit", zap.String("event", "logout"))
	log.Info("news")
	log.Error("trouble")
	log.Close(time.Minute)
	if got := events(t, path); fmt.Sprint(got) != "[login logout]" {
		t.Errorf("the file has %v", got)
	}
	if text := others.text.String(); !strings.Contains(text, "trouble") || strings.Contains(text, "audit") || strings.Contains(text, "news") {
		t.Errorf("the log has %q", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v (%v), want 0600: it names users", info.Mode(), err)
	}
}

// TestAuditFileRotates moves the file away again and again while lines come: each is in one of the files, whole.
func TestAuditFileRotates(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "audit.log")
	log, _ := newAudited(t, config.Log{Level: "info", Format: "json", AuditFile: path})
	const writers, lines, rotations = 4, 2000, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range lines {
				log.Info("audit", zap.String("event", fmt.Sprintf("%d-%d", w, i)))
			}
		})
	}
	for i := range rotations {
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, i)); err != nil {
			t.Fatal(err)
		}
		if err := log.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	log.Close(time.Minute)
	found := map[string]int{}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != rotations+1 {
		t.Fatalf("there are %d files (%v), want %d", len(files), err, rotations+1)
	}
	for _, file := range files {
		for _, event := range events(t, file) {
			found[event]++
		}
	}
	if len(found) != writers*lines {
		t.Errorf("%d lines are there, want %d", len(found), writers*lines)
	}
}

func TestAuditFileThatCannotBeOpened(t *testing.T) {
	_, err := New(config.Log{Level: "info", AuditFile: filepath.Join(t.TempDir(), "nowhere", "audit.log")}, &lockedBuffer{})
	if err == nil || !strings.Contains(err.Error(), "log.audit_file") || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("the error is %v", err)
	}
}

// TestAuditFileThatCannotBeOpenedAnew goes on with the file that it has.
func TestAuditFileThatCannotBeOpenedAnew(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "log")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "audit.log")
	log, _ := newAudited(t, config.Log{Level: "info", AuditFile: path})
	moved := folder + "-moved"
	if err := os.Rename(folder, moved); err != nil {
		t.Fatal(err)
	}
	if err := log.Reopen(); err == nil {
		t.Error("a file without a folder was opened")
	}
	if remark, err := log.Ready(); err != nil || !strings.Contains(remark, path) {
		t.Errorf("the readiness is %q, %v", remark, err)
	}
	log.Info("audit", zap.String("event", "login"))
	log.Close(time.Minute)
	if got := events(t, filepath.Join(moved, "audit.log")); len(got) != 1 {
		t.Errorf("the file in use has %v", got)
	}
}

// TestAuditFileOnAFullDisk wants the operator to know, and audited actions to wait when there is no room any more.
func TestAuditFileOnAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	log, _ := newAudited(t, config.Log{Level: "info", AuditFile: "/dev/full"})
	defer log.Close(time.Millisecond)
	log.Info("audit", zap.String("event", "login"))
	sessiontest.Eventually(t, time.Minute, "the operator is told", func() bool {
		remark, err := log.Ready()
		return err == nil && strings.Contains(remark, "no space left on device")
	})
	line, done := zap.String("event", strings.Repeat("x", 32<<10)), make(chan struct{})
	go func() {
		defer close(done)
		for range 600 {
			log.Info("audit", line)
		}
	}()
	sessiontest.Eventually(t, time.Minute, "audited actions wait", func() bool {
		_, err := log.Ready()
		return err != nil
	})
	log.Close(time.Millisecond)
	<-done
}
