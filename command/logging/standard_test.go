package logging

import (
	"log"
	"os"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// What net/http says of an upstream that goes on behind its answer.
const remark = "Unsolicited response received on idle HTTP channel starting with %q; err=%v"

func TestRemarksQuoteNobody(t *testing.T) {
	t.Cleanup(func() {
		log.SetFlags(log.LstdFlags)
		log.SetOutput(os.Stderr)
	})
	core, logs := observer.New(zap.DebugLevel)
	TakeStandard(zap.New(core))
	log.Printf(remark, `{"access_token":"BQ-a-token"}`, nil)
	Standard(zap.New(core)).Printf("bogus greeting %q", "GET /?code=AQ-a-code")
	lines := logs.All()
	if len(lines) != 2 || !strings.HasSuffix(lines[0].Message, "starting with [redacted]; err=<nil>") ||
		lines[1].Message != "bogus greeting [redacted]" {
		t.Fatalf("the log is %+v", lines)
	}
	for _, line := range lines {
		if line.LoggerName != "http" || strings.ContainsAny(line.Message, "\n\"") {
			t.Errorf("%+v", line)
		}
	}
}

func TestRemarkLevel(t *testing.T) {
	for said, want := range map[string]zapcore.Level{
		"http: TLS handshake error from 192.0.2.1:4711: EOF":                                   zap.DebugLevel,
		"http2: server: error reading preface from client 192.0.2.1:4711: timeout":             zap.DebugLevel,
		"http: Accept error: accept tcp: too many open files; retrying in 5ms":                 zap.WarnLevel,
		"http: superfluous response.WriteHeader call from main.main":                           zap.WarnLevel,
		"Unsolicited response received on idle HTTP channel starting with ":                    zap.WarnLevel,
		"http: panic serving 192.0.2.1:4711: runtime error: index out of range\ngoroutine 1\n": zap.ErrorLevel,
	} {
		if got := levelOf(said); got != want {
			t.Errorf("%q is %v, want %v", said, got, want)
		}
	}
}
