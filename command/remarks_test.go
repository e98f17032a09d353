package command

import (
	"log"
	"os"
	"strings"
	"testing"

	"go.uber.org/zap"
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
	takeRemarks(zap.New(core))
	log.Printf(remark, `{"access_token":"BQ-a-token"}`, nil)
	newRemarks(zap.New(core)).Printf("bogus greeting %q", "GET /?code=AQ-a-code")
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
