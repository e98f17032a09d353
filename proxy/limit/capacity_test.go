package limit

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestCapacity(t *testing.T) {
	for name, c := range map[string]struct {
		resources             Resources
		connections, requests int
		want                  Capacity
	}{
		"nothing known":            {Resources{}, 10_000, 0, Capacity{Connections: 10_000, Held: 7500, Idle: 512}},
		"nothing known, requests":  {Resources{}, 10_000, 300, Capacity{Connections: 10_000, Requests: 300, Held: 7500, Idle: 512}},
		"plenty":                   {Resources{Files: 1 << 20, Memory: 16 << 30}, 10_000, 0, Capacity{10_000, 65_536, 98_304, 7500, 512}},
		"few files":                {Resources{Files: 256, Memory: 16 << 30}, 10_000, 0, Capacity{128, 48, 24, 96, 12}},
		"few files, many requests": {Resources{Files: 256}, 100, 500, Capacity{100, 48, 24, 75, 12}},
		"few files, few requests":  {Resources{Files: 256}, 100, 5, Capacity{100, 5, 24, 75, 12}},
		"little memory":            {Resources{Files: 1 << 20, Memory: 128 << 20}, 10_000, 0, Capacity{2457, 512, 98_304, 1842, 512}},
		"little memory, requests":  {Resources{Files: 1 << 20, Memory: 128 << 20}, 1000, 2000, Capacity{1000, 2000, 98_304, 750, 512}},
		"next to nothing":          {Resources{Files: 3, Memory: 1}, 10_000, 0, Capacity{1, 1, 1, 1, 1}},
	} {
		if got := c.resources.Capacity(c.connections, c.requests, false); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestCapacityLeavesFiles adds up what may be open at a time.
func TestCapacityLeavesFiles(t *testing.T) {
	for files := 32; files < 1<<20; files *= 2 {
		c := Resources{Files: files, Memory: 1 << 40}.Capacity(1<<20, 0, true)
		if open := c.Connections + c.Requests + c.Streams + 2*c.Idle; open > files*7/8 {
			t.Errorf("of %d files %d may be open", files, open)
		}
	}
}

func TestCapacityIsExplained(t *testing.T) {
	for _, c := range []struct{ connections, requests, files, warnings int }{
		{10_000, 0, 256, 1}, {100, 0, 256, 0}, {100, 500, 256, 1}, {10_000, 500, 256, 2}, {10_000, 500, 0, 0},
	} {
		core, logs := observer.New(zap.InfoLevel)
		r := Resources{Files: c.files}
		r.Capacity(c.connections, c.requests, true).Explain(r, c.connections, c.requests, zap.New(core))
		if got := logs.FilterLevelExact(zap.WarnLevel).Len(); got != c.warnings || logs.Len() != c.warnings+1 {
			t.Errorf("%+v: %d warnings of %d lines", c, got, logs.Len())
		}
	}
}

func TestCapacityOfTLS(t *testing.T) {
	if got := (Resources{Memory: 128 << 20}).Capacity(10_000, 0, true).Connections; got != 1117 {
		t.Errorf("%d connections with TLS, want 1117", got)
	}
}

func TestProcessKnowsItsResources(t *testing.T) {
	if r := OfProcess(); r.Files < 3 || r.Memory < 1<<20 {
		t.Errorf("the process may use %+v", r)
	}
}
