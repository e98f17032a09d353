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
	audit *auditLog // nil: audit lines are among the others
}

// auditLog is a file of audit lines with a queue before it.
type auditLog struct {
	file  *auditFile
	queue *queue
}

// New makes a log with one line an entry, as JSON or for a person at a terminal. Audit lines go to their file, if they have one,
// as JSON and at every level.
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
	l := &Logger{Level: level, queue: queue}
	var core zapcore.Core = queueCore{level, encoder, queue}
	if c.AuditFile != "" {
		file, err := openAuditFile(c.AuditFile)
		if err != nil {
			queue.close(0)
			return nil, err
		}
		l.audit = &auditLog{file, newQueue(file, nil)}
		core = splitCore{others: core, audit: queueCore{zap.InfoLevel, newEncoder("json"), l.audit.queue}}
	}
	l.Logger = zap.New(core)
	return l, nil
}

// Reopen opens the file of audit lines anew, for a program that has moved it away. Without such a file it does nothing.
func (l *Logger) Reopen() error {
	if l.audit == nil {
		return nil
	}
	return l.audit.file.reopen()
}

// Close writes what waits, for at most so long: audit lines in a file first.
func (l *Logger) Close(limit time.Duration) {
	begun := time.Now()
	if l.audit != nil {
		l.audit.queue.close(limit)
		l.audit.file.close()
	}
	l.queue.close(max(0, limit-time.Since(begun)))
}

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
	if remark, err = l.audit.ready(); err != nil || remark != "" {
		return remark, err
	}
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

// Audited tells whether audit lines are written. When they are not, they wait, and in the end what is audited waits for them.
func (l *Logger) Audited() bool {
	if l.audit != nil {
		return l.audit.file.problem() == nil && !l.audit.queue.state().full
	}
	return !l.queue.state().full
}

// ready is Ready of the file of audit lines.
func (a *auditLog) ready() (remark string, err error) {
	if a == nil {
		return "", nil
	}
	problem := a.file.problem()
	switch {
	case a.queue.state().full:
		return "", fmt.Errorf("log.audit_file %s is not written (%v): logins, refreshes and logouts wait until their audit lines have room. "+
			"Make room on its disk, or mend its permissions", a.file.path, problem)
	case problem != nil:
		return fmt.Sprintf("log.audit_file %s cannot be written (%v); audit lines wait. "+
			"Make room on its disk, or mend its permissions and send SIGHUP", a.file.path, problem), nil
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

// splitCore writes audit lines to one core, whatever the log's level, and all other lines to another.
type splitCore struct{ others, audit zapcore.Core }

// Enabled implements zapcore.LevelEnabler: Check knows more.
func (c splitCore) Enabled(level zapcore.Level) bool {
	return c.audit.Enabled(level) || c.others.Enabled(level)
}

// With implements zapcore.Core.
func (c splitCore) With(fields []zapcore.Field) zapcore.Core {
	return splitCore{c.others.With(fields), c.audit.With(fields)}
}

// Check implements zapcore.Core.
func (c splitCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if kindOf(entry) == auditLine {
		return c.audit.Check(entry, checked)
	}
	return c.others.Check(entry, checked)
}

// Write implements zapcore.Core. Check adds the two cores themselves, so that nothing gets here.
func (c splitCore) Write(zapcore.Entry, []zapcore.Field) error { return nil }

// Sync implements zapcore.Core, as queueCore does.
func (c splitCore) Sync() error { return nil }

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
