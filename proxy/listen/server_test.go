package listen

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestConnectionsLeaveFilesForUpstreams(t *testing.T) {
	for _, c := range []struct{ configured, openFiles, want, warnings int }{
		{10_000, 0, 10_000, 0}, // no knowing
		{10_000, 20_000, 10_000, 0},
		{10_000, 1024, 512, 1},
		{100, 1024, 100, 0},
	} {
		core, logs := observer.New(zap.WarnLevel)
		if got := connectionsFor(c.configured, c.openFiles, zap.New(core)); got != c.want || logs.Len() != c.warnings {
			t.Errorf("%d connections with %d files: %d and %d warnings, want %d and %d",
				c.configured, c.openFiles, got, logs.Len(), c.want, c.warnings)
		}
	}
}
