package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"stagedoor/config"
)

// sharedText is a text that a queue may write while a test reads.
type sharedText struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *sharedText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sharedText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func testLogger(t *testing.T, format string, out io.Writer) *Logger {
	t.Helper()
	log, err := New(config.Log{Level: "debug", Format: format}, out)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// Ordinary lines wait a moment for others; audit lines and warnings do not, and go behind what has waited.
func TestLogLinesWait(t *testing.T) {
	for _, format := range []string{"json", "console"} {
		synctest.Test(t, func(t *testing.T) {
			var out sharedText
			log := testLogger(t, format, &out)
			defer log.Close(time.Minute)
			expect := func(when string, lines int) {
				t.Helper()
				synctest.Wait()
				if got := strings.Count(out.String(), "\n"); got != lines {
					t.Fatalf("%s, %s: %d lines are written, want %d", format, when, got, lines)
				}
			}
			log.Info("request", zap.Int("status", 200))
			log.Named("x").With(zap.Int("y", 1)).Info("request")
			expect("at once", 0)
			time.Sleep(delay)
			expect("after a moment", 2)
			log.Info("request")
			log.Info("audit")
			expect("with an audit line", 4)
			if !strings.Contains(strings.Split(out.String(), "\n")[3], "audit") {
				t.Fatalf("%s: the audit line is before its time:\n%s", format, out.String())
			}
			log.Warn("request")
			expect("with a warning", 5)
			log.Info("request", zap.String("path", strings.Repeat("x", batch)))
			expect("with a full batch", 6)
		})
	}
}

// stuckWriter takes nothing until it is told to go on.
type stuckWriter struct {
	sharedText
	goOn chan struct{}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.goOn
	return w.sharedText.Write(p)
}

// While the reader of the log stands still, logging does not: ordinary lines and warnings are dropped and counted, each in a
// room of its own, and /readyz tells. Afterwards all audit lines are there, and every other line is there or counted.
func TestLogReaderStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 5000
		out := &stuckWriter{goOn: make(chan struct{})}
		log := testLogger(t, "json", out)
		log.Warn("what the writer gets stuck with")
		synctest.Wait()
		for i := range each {
			log.Info("request", zap.Int("n", i), zap.String("path", strings.Repeat("x", 300)))
			log.Info("audit", zap.Int("n", i))
		}
		synctest.Wait()
		if remark, err := log.Ready(); err != nil || !strings.Contains(remark, "log lines are being dropped") {
			t.Errorf("/readyz would say %q, %v", remark, err)
		}
		if log.queue.state().dropped == 0 {
			t.Fatal("nothing was dropped")
		}
		ordinary := log.queue.state().dropped
		log.Warn("warning")
		if log.queue.state().dropped != ordinary {
			t.Error("access lines have taken the room of warnings")
		}
		for range each {
			log.Warn("warning", zap.String("error", strings.Repeat("x", 300)))
		}
		dropped := log.queue.state().dropped
		if dropped == ordinary {
			t.Error("warnings have no bound")
		}
		close(out.goOn)
		synctest.Wait()
		if remark, err := log.Ready(); remark != "" || err != nil {
			t.Errorf("afterwards /readyz would say %q, %v", remark, err)
		}
		log.Close(time.Minute)
		text := out.String()
		if got := strings.Count(text, `"msg":"audit"`); got != each {
			t.Errorf("%d audit lines are there, want %d", got, each)
		}
		if got := strings.Count(text, `"msg":"request"`) + strings.Count(text, `"msg":"warning"`) + dropped; got != 2*each+1 {
			t.Errorf("%d lines are there or dropped, want %d", got, 2*each+1)
		}
		if want := fmt.Sprintf(`"dropped":%d`, dropped); !strings.Contains(text, want) {
			t.Errorf("the log does not tell of them: %s", want)
		}
		last := -1
		for line := range strings.Lines(text) {
			var n int
			if _, err := fmt.Sscanf(line[strings.LastIndex(line, `"n":`)+1:], `n":%d`, &n); err == nil && strings.Contains(line, `"audit"`) {
				if n != last+1 {
					t.Fatalf("audit line %d is behind %d", n, last)
				}
				last = n
			}
		}
	})
}

// An audit line without room waits for it, and with it the action; the gateway is not ready meanwhile.
func TestAuditLinesWaitForSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuckWriter{goOn: make(chan struct{})}
		log := testLogger(t, "json", out)
		line := strings.Repeat("x", 60<<10)
		added := make(chan int, 2*bufferSize[auditLine]/len(line))
		go func() {
			defer close(added)
			for i := range cap(added) {
				log.Info("audit", zap.String("user", line))
				added <- i
			}
		}()
		synctest.Wait()
		waiting := len(added)
		if waiting == 0 || waiting == cap(added) {
			t.Fatalf("%d of %d audit lines found room", waiting, cap(added))
		}
		if _, err := log.Ready(); err == nil {
			t.Error("the gateway is ready although audited actions wait")
		}
		close(out.goOn)
		synctest.Wait()
		if len(added) != cap(added) {
			t.Errorf("%d of %d audit lines were added in the end", len(added), cap(added))
		}
		log.Close(time.Minute)
		if got := strings.Count(out.String(), "\n"); got != cap(added) {
			t.Errorf("%d lines are written, want %d", got, cap(added))
		}
	})
}

// A log that stands still cannot keep the process from ending, and what its reader takes until then is written.
func TestLogClosesInTime(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			out := &stuckWriter{goOn: make(chan struct{})}
			log := testLogger(t, "json", out)
			log.Info("audit")
			const limit = 35 * time.Second
			closeLog := log.CloseAfter(t.Context(), limit)
			wait := limit - time.Second
			if late {
				wait = limit + time.Second
			}
			time.AfterFunc(wait, func() { close(out.goOn) })
			begun := time.Now()
			closeLog()
			if took := time.Since(begun); took != min(wait, limit) {
				t.Errorf("closing took %v", took)
			}
			if written := out.String() != ""; written == late {
				t.Errorf("late %t: the log is %q", late, out.String())
			}
			time.Sleep(2 * time.Second)
		})
	}
}

// failingWriter fails after some bytes until it is mended.
type failingWriter struct {
	sharedText
	mended atomic.Bool
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.mended.Load() {
		return w.sharedText.Write(p)
	}
	n, _ := w.sharedText.Write(p[:min(10, len(p))])
	return n, errors.New("no space left on device")
}

// A write that fails is tried again from where it stopped.
func TestLogWriteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out failingWriter
		log := testLogger(t, "json", &out)
		log.Info("audit", zap.String("event", "login"))
		synctest.Wait()
		out.mended.Store(true)
		time.Sleep(retry)
		synctest.Wait()
		if text := out.String(); strings.Count(text, `"event":"login"`) != 1 || !strings.HasPrefix(text, `{"level":`) || !strings.HasSuffix(text, "}\n") {
			t.Errorf("the log is %q", text)
		}
		log.Close(time.Minute)
	})
}
