package command

import (
	"io"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"
)

const (
	// logDelay is how long an ordinary access line waits for others, so that a busy gateway writes many at once. It is
	// what a crash may lose.
	logDelay = 20 * time.Millisecond
	// logBuffer is how many bytes of lines wait at most.
	logBuffer = 64 << 10
)

// logWriter collects lines. It is safe for concurrent use.
type logWriter struct {
	to io.Writer

	mu      sync.Mutex // guards what follows
	waiting []byte
	timer   *time.Timer // nil while nothing waits
}

// Write implements io.Writer.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting)+len(line) > logBuffer {
		if err := w.flushLocked(); err != nil {
			return 0, err
		}
	}
	w.waiting = append(w.waiting, line...)
	if w.timer == nil {
		w.timer = time.AfterFunc(logDelay, func() { _ = w.Sync() }) // whom could it be told?
	}
	return len(line), nil
}

// Sync implements zapcore.WriteSyncer.
func (w *logWriter) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flushLocked()
}

func (w *logWriter) flushLocked() error {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if len(w.waiting) == 0 {
		return nil
	}
	_, err := w.to.Write(w.waiting)
	w.waiting = w.waiting[:0]
	return err
}

// promptCore writes at once whatever is not an ordinary access line, and with it what has waited.
type promptCore struct {
	zapcore.Core
	out *logWriter
}

// With implements zapcore.Core.
func (c promptCore) With(fields []zapcore.Field) zapcore.Core {
	return promptCore{c.Core.With(fields), c.out}
}

// Check implements zapcore.Core.
func (c promptCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c promptCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if err := c.Core.Write(entry, fields); err != nil {
		return err
	}
	if entry.Message == "request" && entry.Level <= zapcore.InfoLevel {
		return nil
	}
	return c.out.Sync()
}
