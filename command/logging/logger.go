// Package logging writes the gateway's log: through a queue, so that a reader that stalls does not stop requests, as JSON or
// for a person at a terminal, and with the messages of the standard library.
package logging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/config"
)

// Logger is a log with a queue before its writer. It must be closed, which writes what waits.
type Logger struct {
	*zap.Logger
	Level zap.AtomicLevel // may be changed at any time
	queue *queue
}

// New makes a log with one line an entry, as JSON or for a person at a terminal.
func New(c config.Log, w io.Writer) (*Logger, error) {
	level, err := zap.ParseAtomicLevel(c.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	encoder := newEncoder(c.Format)
	queue := newQueue(w, func(dropped int) []byte {
		if !level.Enabled(zap.WarnLevel) {
			return nil
		}
		line, err := encoder.EncodeEntry(zapcore.Entry{
			Level: zap.WarnLevel, Time: time.Now(), Message: "the reader of the log stood still, and log lines were dropped",
		}, []zap.Field{zap.Int("dropped", dropped)})
		if err != nil {
			return nil
		}
		defer line.Free()
		return append([]byte{}, line.Bytes()...)
	})
	return &Logger{zap.New(queueCore{level, encoder, queue}), level, queue}, nil
}

// Close writes what waits, for at most so long.
func (l *Logger) Close(limit time.Duration) { l.queue.close(limit) }

// CloseAfter returns what closes the log of a server that runs until ctx ends. The reader has what is left then of limit, the
// time that a shutdown may take, a second at least.
func (l *Logger) CloseAfter(ctx context.Context, limit time.Duration) (closeLog func()) {
	ended := make(chan time.Time, 1)
	stop := context.AfterFunc(ctx, func() { ended <- time.Now() })
	return func() {
		begun := time.Now()
		if !stop() {
			begun = <-ended
		}
		l.Close(max(time.Second, time.Until(begun.Add(limit))))
	}
}

// Ready returns what an operator should know of the log: an error while audited actions wait for it, and a remark while it
// drops lines.
func (l *Logger) Ready() (remark string, err error) {
	switch state := l.queue.state(); {
	case state.full:
		return "", errors.New("the reader of the log stands still: logins, refreshes and logouts wait until their audit lines have room. " +
			"Look at what reads the gateway's standard error, or at the disk that it writes to")
	case state.dropping:
		return fmt.Sprintf("log lines are being dropped, %d so far: the reader of the log stands still. "+
			"Look at what reads the gateway's standard error, or at the disk that it writes to", state.dropped), nil
	}
	return "", nil
}

// Dropped returns how many lines have been dropped.
func (l *Logger) Dropped() int { return l.queue.state().dropped }

// Waiting returns how many bytes wait for the writer.
func (l *Logger) Waiting() int { return l.queue.state().waiting }

func newEncoder(format string) zapcore.Encoder {
	fields := zap.NewProductionEncoderConfig()
	fields.StacktraceKey = "stack"
	fields.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	fields.EncodeDuration = zapcore.StringDurationEncoder
	if format == "console" {
		return newConsoleEncoder(fields)
	}
	return zapcore.NewJSONEncoder(fields)
}

// queueCore encodes entries for a queue.
type queueCore struct {
	zapcore.LevelEnabler
	encoder zapcore.Encoder
	queue   *queue
}

// With implements zapcore.Core.
func (c queueCore) With(fields []zapcore.Field) zapcore.Core {
	c.encoder = c.encoder.Clone()
	for _, field := range fields {
		field.AddTo(c.encoder)
	}
	return c
}

// Check implements zapcore.Core.
func (c queueCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c queueCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	line, err := c.encoder.EncodeEntry(entry, fields)
	if err != nil {
		return err
	}
	defer line.Free()
	c.queue.add(kindOf(entry), line.Bytes())
	return nil
}

// Sync implements zapcore.Core. It does nothing: callers that log must not wait for the writer. Logger.Close writes what waits.
func (c queueCore) Sync() error { return nil }

// kindOf tells audit lines by their message, as their readers do.
func kindOf(entry zapcore.Entry) lineKind {
	switch {
	case entry.Message == "audit":
		return auditLine
	case entry.Level > zapcore.InfoLevel:
		return warningLine
	}
	return ordinaryLine
}
