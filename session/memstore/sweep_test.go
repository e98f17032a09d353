package memstore

import (
	"fmt"
	"testing"
	"time"

	"stagedoor/session"
)

func TestMemoryForgetsWhatHasExpired(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	m := New(func() time.Time { return now })
	for i := range 10 * sweepEvery {
		key := fmt.Sprint("key ", i)
		if err := m.Save(t.Context(), key, session.Entry{Version: 1}, time.Minute, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Acquire(t.Context(), key, "holder", time.Minute); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	// What is alive is 60 of each; the others may wait for the next sweep.
	if limit := sweepEvery + 60; len(m.entries) > limit || len(m.leases) > limit {
		t.Errorf("%d entries and %d leases are left, want at most %d", len(m.entries), len(m.leases), limit)
	}
	if _, err := m.Load(t.Context(), fmt.Sprint("key ", 10*sweepEvery-1)); err != nil {
		t.Errorf("the youngest entry is gone: %v", err)
	}
}
