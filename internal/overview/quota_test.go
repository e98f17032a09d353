package overview

import (
	"strings"
	"testing"
	"time"

	"stagedoor/internal/metrics"
	"stagedoor/internal/outcome"
)

// TestQuotaPanel looks at the calls that Spotify allows: while they suffice, when they are nearly used up, and during a ban.
func TestQuotaPanel(t *testing.T) {
	inHouse(t, func(h *house) {
		quota := metrics.Quota{Calls: 40}
		h.counts.AddQuota(func() metrics.Quota { return quota })
		h.page.options.APIRoutes = func() []string { return []string{"/a/", "/b/", "/c/", "/d/"} }
		reason := ""
		h.page.options.GateReason = func() string { return reason }
		for i, route := range []string{"/a/", "/b/", "/c/", "/d/"} {
			for range 10 * (4 - i) {
				h.counts.Upstream(route)(200, nil, time.Millisecond, "")
			}
		}
		h.counts.Upstream("/")(200, nil, time.Millisecond, "") // a frontend's
		for range 5 {
			h.counts.Answered(outcome.AnswerCache)
		}
		h.counts.Answered(outcome.AnswerJoined)
		time.Sleep(2 * time.Minute)
		h.expect("All is well.", "Spotify's quota open Calls in the window 40 this replica Saved by the cache 5 5 in all Saved by joining 1 1 in all",
			"Rejected 0 0 in all", "Calls by /a/ 40 20/min Calls by /b/ 30 15/min Calls by /c/ 20 10/min")
		if strings.Contains(h.text(), "Calls by /d/") {
			t.Error("a fourth route is named")
		}
		quota = metrics.Quota{Calls: 171, Allowed: 180, CacheBytes: 3 << 19}
		h.expect("Calls in the window 171 of 180 all replicas", "Kept answers 1.5 MiB")
		quota.GateSeconds, reason = 90, "Spotify's quota for this app is used up"
		end := time.Now().Add(90*time.Second).UTC().Format("15:04:05") + " UTC"
		h.expect("Spotify's quota for this app is used up: no calls leave until "+end, "Spotify's quota closed until "+end,
			"Why Spotify's quota for this app is used up")
	})
}
