package logging

import (
	"log"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/secret"
)

// What clients do wrong, scanners above all, in the words of net/http's servers. An operator need not act on it.
var clientErrors = []string{
	"http: TLS handshake error from",
	"http2: server: error reading preface from client",
	"http2: server connection error from",
	"http2: server: client ",
	"http2: server closing client connection",
	"http2: received GOAWAY",
	"http2: Framer ",
	"http: URL query contains semicolon",
}

// Standard returns the logger that an http.Server wants. Its lines are entries of the log.
func Standard(to *zap.Logger) *log.Logger {
	logger, err := zap.NewStdLogAt(standardOf(to), zap.ErrorLevel) // any level: standardCore knows the right one
	if err != nil {
		panic(err) // for an unknown level
	}
	return logger
}

// TakeStandard turns the lines of the standard logger into entries, for the whole process: an http.Transport has no logger of its own.
func TakeStandard(to *zap.Logger) {
	log.SetFlags(0)
	log.SetOutput(Standard(to).Writer())
}

func standardOf(to *zap.Logger) *zap.Logger {
	return to.Named("http").WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core { return standardCore{core} }))
}

// standardCore gives a message of the standard library its level, and removes what it quotes: net/http repeats what an
// upstream sends out of turn, which may be a second copy of an answer with a token.
type standardCore struct{ zapcore.Core }

// Check implements zapcore.Core.
func (c standardCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	entry.Level, entry.Message = levelOf(entry.Message), secret.WithoutQuotations(entry.Message)
	return c.Core.Check(entry, checked)
}

// levelOf returns the level of a message: what clients do wrong is for debugging, a panic is an error of ours, and the
// rest, such as a listener that may open no more files, an operator should know.
func levelOf(said string) zapcore.Level {
	for _, begin := range clientErrors {
		if strings.HasPrefix(said, begin) {
			return zapcore.DebugLevel
		}
	}
	if strings.HasPrefix(said, "http: panic serving") || strings.HasPrefix(said, "http2: panic serving") {
		return zapcore.ErrorLevel
	}
	return zapcore.WarnLevel
}
