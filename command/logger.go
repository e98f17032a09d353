package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/config"
	"stagedoor/proxy"
)

// logger is a log with a queue before its writer. It must be closed, which writes what waits.
type logger struct {
	*zap.Logger
	level zap.AtomicLevel // may be changed at any time
	queue *logQueue
}

// newLogger writes one line an entry, as JSON or for a person at a terminal.
func newLogger(c config.Log, w io.Writer) (*logger, error) {
	level, err := zap.ParseAtomicLevel(c.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	encoder := newEncoder(c.Format)
	queue := newLogQueue(w, func(dropped int) []byte {
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
	return &logger{zap.New(queueCore{level, encoder, queue}), level, queue}, nil
}

// close writes what waits, for at most so long.
func (l *logger) close(limit time.Duration) { l.queue.close(limit) }

// closeAfter returns what closes the log of a server that runs until ctx ends. The reader has what is left of the time that a
// shutdown may take, a second at least.
func (l *logger) closeAfter(ctx context.Context, c proxy.ServerConfig) (closeLog func()) {
	ended := make(chan time.Time, 1)
	stop := context.AfterFunc(ctx, func() { ended <- time.Now() })
	return func() {
		begun := time.Now()
		if !stop() {
			begun = <-ended
		}
		l.close(max(time.Second, time.Until(begun.Add(c.ShutdownDelay+c.ShutdownTimeout))))
	}
}

// readyWith adds what an operator should know of the log to what else makes a gateway ready. It is not ready while audited
// actions cannot go on.
func (l *logger) readyWith(ready func(ctx context.Context) (remark string, err error)) func(ctx context.Context) (remark string, err error) {
	return func(ctx context.Context) (string, error) {
		remark, err := l.ready()
		other, otherErr := ready(ctx)
		return strings.Join(nonEmpty(other, remark), "\n"), errors.Join(otherErr, err)
	}
}

func (l *logger) ready() (remark string, err error) {
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

func newEncoder(format string) zapcore.Encoder {
	if format == "console" {
		return newConsoleEncoder()
	}
	fields := zap.NewProductionEncoderConfig()
	fields.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	fields.EncodeDuration = zapcore.StringDurationEncoder
	return zapcore.NewJSONEncoder(fields)
}

// queueCore encodes entries for a queue.
type queueCore struct {
	zapcore.LevelEnabler
	encoder zapcore.Encoder
	queue   *logQueue
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

// Sync implements zapcore.Core. It does nothing: whoever logs must not wait for the writer. logger.close writes what waits.
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
