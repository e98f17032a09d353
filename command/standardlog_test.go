package command

import (
	"log"
	"os"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestStandardLogKeepsNoQuotes(t *testing.T) {
	t.Cleanup(func() {
		log.SetFlags(log.LstdFlags)
		log.SetOutput(os.Stderr)
	})
	core, logs := observer.New(zap.DebugLevel)
	redirectStandardLog(zap.New(core))
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "Bearer BQD-token\"\n", nil)
	log.Print("plain")
	lines := logs.All()
	if len(lines) != 2 || lines[0].Message != "Unsolicited response received on idle HTTP channel starting with" || lines[1].Message != "plain" {
		t.Errorf("the log is %v", lines)
	}
	for _, line := range lines {
		if strings.Contains(line.Message, "BQD") || line.LoggerName != "library" {
			t.Errorf("%+v", line)
		}
	}
}
