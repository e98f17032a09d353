package gateway

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestStoreWatch lets the store be what the looks of a minute find.
func TestStoreWatch(t *testing.T) {
	well, down, wrong, full := storeReadiness{}, storeReadiness{problem: "down"}, storeReadiness{problem: "wrong password"},
		storeReadiness{remark: "full"}
	const again = "the session store is ready again"
	for name, c := range map[string]struct {
		looks []storeReadiness // the last goes on
		want  []string
	}{
		"well":                    {[]storeReadiness{well}, nil},
		"down at the start":       {[]storeReadiness{down}, []string{"down"}},
		"down, then well":         {[]storeReadiness{down, down, well}, []string{"down", again}},
		"lost":                    {[]storeReadiness{well, down}, []string{"down"}},
		"slow once":               {[]storeReadiness{well, down, well}, nil},
		"lost and back, twice":    {[]storeReadiness{well, down, down, well, down, down, well}, []string{"down", again, "down", again}},
		"down for another reason": {[]storeReadiness{down, down, wrong}, []string{"down", "wrong password"}},
		"full":                    {[]storeReadiness{well, full, full, well, full}, []string{"full", "full"}},
		"down, then full":         {[]storeReadiness{down, full}, []string{"down", again, "full"}},
		"full, then down":         {[]storeReadiness{full, down, down, full}, []string{"full", "down", again, "full"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, lines := observer.New(zap.InfoLevel)
				looks, reported := c.looks, storeReadiness{problem: "never"}
				w := storeWatch{
					check: func(context.Context) storeReadiness {
						now := looks[0]
						looks = looks[min(1, len(looks)-1):]
						return now
					},
					report: func(now storeReadiness) { reported = now },
					log:    zap.New(core),
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				w.run(ctx)
				var said []string
				for _, line := range lines.All() {
					said = append(said, line.Message)
				}
				if !slices.Equal(said, c.want) {
					t.Errorf("the log has %q, want %q", said, c.want)
				}
				if last := c.looks[len(c.looks)-1]; reported != last {
					t.Errorf("reported %v at the end, want %v", reported, last)
				}
			})
		})
	}
}
