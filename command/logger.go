package command

import (
	"fmt"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/config"
)

// newLogger writes one line an entry, as JSON or for a person at a terminal. The level may be changed later.
func newLogger(c config.Log, w io.Writer) (*zap.Logger, zap.AtomicLevel, error) {
	level, err := zap.ParseAtomicLevel(c.Level)
	if err != nil {
		return nil, level, fmt.Errorf("log.level: %w", err)
	}
	out := &logWriter{to: w}
	return zap.New(promptCore{zapcore.NewCore(newEncoder(c.Format), out, level), out}), level, nil
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
