package logging

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/config"
	"stagedoor/secret"
)

// console writes lines as log.format console does, and returns them without their time.
func console(t *testing.T, write func(log *zap.Logger)) []string {
	t.Helper()
	var text strings.Builder
	log, err := New(config.Log{Level: "debug", Format: "console"}, &text)
	if err != nil {
		t.Fatal(err)
	}
	write(log.Logger)
	log.Close(time.Minute)
	var lines []string
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		if begin, rest, found := strings.Cut(line, "  "); found {
			if _, err := time.Parse("15:04:05.000", begin); err != nil {
				t.Errorf("%q does not begin with a time", line)
			}
			line = rest
		}
		lines = append(lines, line)
	}
	return lines
}

func TestConsole(t *testing.T) {
	for want, write := range map[string]func(log *zap.Logger){
		`INFO   request  {"method": "GET", "status": 200, "duration_ms": 1.5, "path": "/api/me"}`: func(log *zap.Logger) {
			log.Info("request", zap.String("method", "GET"), zap.Int("status", 200), zap.Float64("duration_ms", 1.5), zap.String("path", "/api/me"))
		},
		`WARN   it broke  {"error": "dial tcp: refused", "ok": true}`: func(log *zap.Logger) {
			log.Warn("it broke", zap.Error(errors.New("dial tcp: refused")), zap.Bool("ok", true))
		},
		"ERROR  http  named": func(log *zap.Logger) { log.Named("http").Error("named") },
		`DEBUG  with  {"a": "b", "c": "1s"}`: func(log *zap.Logger) {
			log.With(zap.String("a", "b")).Debug("with", zap.Duration("c", time.Second))
		},
		`INFO   a\nb \x1b[31m  {"agent": "x\ny", "tail": "` + "\ufffd2J\ufffd" + `", "word": "é"}`: func(log *zap.Logger) {
			log.Info("a\nb \x1b[31m", zap.String("agent", "x\ny"), zap.String("tail", "\u009b2J\u202e"), zap.String("word", "é"))
		},
		`INFO   secret  {"key": "[redacted]"}`: func(log *zap.Logger) { log.Info("secret", zap.Any("key", secret.New("hidden"))) },
	} {
		if got := console(t, write); len(got) != 1 || got[0] != want {
			t.Errorf("the console has\n%q, want\n%q", got, want)
		}
	}
}

func TestConsoleStack(t *testing.T) {
	got := console(t, func(log *zap.Logger) {
		line := log.Check(zap.ErrorLevel, "panic")
		line.Stack = "goroutine 1\n\tmain.go:1"
		line.Write(zap.String("error", "x"))
	})
	want := []string{`ERROR  panic  {"error": "x"}`, "goroutine 1", "\tmain.go:1"}
	if !slices.Equal(got, want) {
		t.Errorf("the console has %q, want %q", got, want)
	}
}

// TestConsoleAligned checks that messages begin in one column, whatever their level.
func TestConsoleAligned(t *testing.T) {
	for _, level := range []zapcore.Level{zap.DebugLevel, zap.InfoLevel, zap.WarnLevel, zap.ErrorLevel} {
		got := console(t, func(log *zap.Logger) { log.Log(level, "message") })
		if len(got) != 1 || strings.Index(got[0], "message") != len("ERROR  ") {
			t.Errorf("%v: %q", level, got)
		}
	}
}
