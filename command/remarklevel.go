package command

import (
	"strings"

	"go.uber.org/zap/zapcore"
)

// What clients do wrong, scanners above all, in the words of net/http's servers. Nobody has to do anything about it.
var clientsFaults = []string{
	"http: TLS handshake error from",
	"http2: server: error reading preface from client",
	"http2: server connection error from",
	"http2: server: client ",
	"http2: server closing client connection",
	"http2: received GOAWAY",
	"http2: Framer ",
	"http: URL query contains semicolon",
}

// remarkLevel says how much a remark of the standard library's matters: what clients do wrong is for those who look for it, a
// panic is a fault of ours, and the rest, such as a listener that may open no more files, an operator should know.
func remarkLevel(said string) zapcore.Level {
	said = strings.TrimSpace(said)
	for _, begin := range clientsFaults {
		if strings.HasPrefix(said, begin) {
			return zapcore.DebugLevel
		}
	}
	if strings.HasPrefix(said, "http: panic serving") || strings.HasPrefix(said, "http2: panic serving") {
		return zapcore.ErrorLevel
	}
	return zapcore.WarnLevel
}
