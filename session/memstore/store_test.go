package memstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
	"stagedoor/session/memstore"
	"stagedoor/session/sessiontest"
)

func TestMemory(t *testing.T) {
	sessiontest.TestStore(t, func(*testing.T) (sessiontest.Store, func(time.Duration)) {
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		return memstore.New(func() time.Time { return now }), func(d time.Duration) { now = now.Add(d) }
	})
}

func TestMemoryIsOneReplica(t *testing.T) {
	if replicas, err := memstore.New(nil).Replicas(t.Context()); replicas != 1 || err != nil {
		t.Errorf("%d replicas, %v", replicas, err)
	}
}

func TestMemoryHasAClockOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New(nil)
		if err := store.Save(t.Context(), "key", session.Entry{Version: 1}, time.Minute, ""); err != nil {
			t.Fatal(err)
		}
		pass(59 * time.Second)
		if _, err := store.Load(t.Context(), "key"); err != nil {
			t.Errorf("after 59s of 60s: %v", err)
		}
		pass(time.Second)
		if _, err := store.Load(t.Context(), "key"); err == nil {
			t.Error("after 60s of 60s the entry is still there")
		}
	})
}

// pass lets time go by. Inside synctest that takes no time.
func pass(d time.Duration) { <-time.After(d) }
