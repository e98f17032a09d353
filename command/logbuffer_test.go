package command

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"stagedoor/config"
)

// sharedText is a text that a timer may write while a test reads.
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

// Ordinary access lines wait a moment for others; everything else is written at once, behind what has waited.
func TestLogLinesWait(t *testing.T) {
	for _, format := range []string{"json", "console"} {
		synctest.Test(t, func(t *testing.T) {
			var out sharedText
			log, _, err := newLogger(config.Log{Level: "debug", Format: format}, &out)
			if err != nil {
				t.Fatal(err)
			}
			written := func() int { return strings.Count(out.String(), "\n") }
			log.Info("request", zap.Int("status", 200))
			log.Named("x").With(zap.Int("y", 1)).Info("request")
			if written() != 0 {
				t.Fatalf("%s: %d lines did not wait", format, written())
			}
			time.Sleep(logDelay)
			synctest.Wait()
			if written() != 2 {
				t.Fatalf("%s: after a moment there are %d lines, want 2", format, written())
			}
			log.Info("request")
			log.Info("audit")
			if written() != 4 || !strings.Contains(strings.Split(out.String(), "\n")[3], "audit") {
				t.Fatalf("%s: an audit line waits, or is before its time:\n%s", format, out.String())
			}
			log.Warn("request")
			if written() != 5 {
				t.Errorf("%s: a warning waits", format)
			}
			long := strings.Repeat("x", logBuffer/2)
			for range 3 {
				log.Info("request", zap.String("path", long))
			}
			if written() < 6 {
				t.Errorf("%s: %d bytes wait", format, 3*len(long))
			}
			time.Sleep(logDelay)
			synctest.Wait()
			if written() != 8 {
				t.Errorf("%s: %d lines, want 8", format, written())
			}
		})
	}
}
