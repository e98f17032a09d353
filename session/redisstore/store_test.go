package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

func TestRedis(t *testing.T) {
	server := sessiontest.StartRedis(t)
	sessiontest.TestStore(t, func(t *testing.T) (sessiontest.Store, func(time.Duration)) {
		config := server.Config()
		config.KeyPrefix = t.Name() + ":" // an empty store for every test
		return sessiontest.OpenRedis(t, config), server.Advance
	})
}

// A scan fails when a part of the cluster is down.
func TestRedisClusterScansAllOrFails(t *testing.T) {
	nodes := sessiontest.StartRedisCluster(t, 3)
	config := sessiontest.ClusterConfig(nodes)
	store := sessiontest.OpenRedis(t, config)
	visitNothing := func([]string) error { return nil }
	if err := store.Scan(t.Context(), "", visitNothing); err != nil {
		t.Errorf("with all masters, the scan answers %v", err)
	}
	nodes[2].Stop()
	if err := store.Scan(t.Context(), "", visitNothing); !errors.Is(err, session.ErrStoreUnavailable) {
		t.Errorf("without a master, the scan answers %v", err)
	}
}

func TestRedisTakesItsClockFromTheServer(t *testing.T) {
	store := sessiontest.OpenRedis(t, sessiontest.StartRedis(t).Config())
	if err := store.Save(t.Context(), "key", session.Entry{Version: 1}, time.Millisecond, ""); err != nil {
		t.Fatal(err)
	}
	sessiontest.Eventually(t, 5*time.Second, "an entry of a millisecond is gone", func() bool {
		_, err := store.Load(t.Context(), "key")
		return err != nil
	})
}

// What somebody else has written under a key of ours is no entry, and does not stand in the way of one.
func TestRedisForeignValue(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := sessiontest.OpenRedis(t, server.Config())
	if _, err := server.Do("SET", "stagedoor:{key}", "junk"); err != nil {
		t.Fatal(err)
	}
	_, err := store.Load(t.Context(), "key")
	wantError(t, "load", err, session.ErrAbsent)
	if err := store.Save(t.Context(), "key", session.Entry{Version: 1, Data: []byte("ours")}, time.Minute, ""); err != nil {
		t.Fatalf("save: %v", err)
	}
	if e, err := store.Load(t.Context(), "key"); err != nil || string(e.Data) != "ours" {
		t.Errorf("got %q, %v", e.Data, err)
	}
}
