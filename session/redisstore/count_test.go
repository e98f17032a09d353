package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

func TestRedisCountsSessionsAndReplicas(t *testing.T) {
	server := sessiontest.StartRedis(t)
	first, second := sessiontest.OpenRedis(t, server.Config()), sessiontest.OpenRedis(t, server.Config())
	for i := range 30 {
		if err := first.Save(t.Context(), fmt.Sprintf("session:%02d", i), session.Entry{Version: 1}, time.Hour, ""); err != nil {
			t.Fatal(err)
		}
	}
	if held, err := first.Acquire(t.Context(), "session:00", "holder", time.Hour); !held || err != nil {
		t.Fatal(held, err)
	}
	for i := range 60 { // of another program
		if _, err := server.Do("SET", fmt.Sprint("theirs:", i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if count, err := first.CountSessions(t.Context()); count != 30 || err != nil {
		t.Errorf("a lease and another program's keys make %d of 30 sessions, %v", count, err)
	}

	if n, err := first.Replicas(t.Context()); err == nil {
		t.Errorf("nobody watches, and there are %d replicas", n)
	}
	startWatcher(t, first)
	startWatcher(t, second)
	sessiontest.Eventually(t, watchTime, "both replicas are seen", func() bool {
		n, err := first.Replicas(t.Context())
		return n == 2 && err == nil
	})

	server.Stop()
	if n, err := first.CountSessions(t.Context()); err == nil {
		t.Errorf("a store that is down counts %d", n)
	}
}

func TestRedisClusterCountsSessionsAndReplicas(t *testing.T) {
	config := sessiontest.ClusterConfig(sessiontest.StartRedisCluster(t, 3))
	store := sessiontest.OpenRedis(t, config)
	startWatcher(t, store)
	startWatcher(t, sessiontest.OpenRedis(t, config))
	sessiontest.Eventually(t, watchTime, "both replicas are seen", func() bool {
		n, err := store.Replicas(t.Context())
		return n == 2 && err == nil
	})
}

// TestManySessionsAreEstimated checks that a large store is not read to its end, and the number is still about right.
func TestManySessionsAreEstimated(t *testing.T) {
	server := sessiontest.StartRedis(t)
	config := server.Config()
	const script = `for i = 1, 60000 do redis.call('SET', ARGV[1] .. '{' .. (i % 3 == 0 and 'session' or 'user') .. ':' .. i .. '}', 'x') end`
	if _, err := server.Do("EVAL", script, "0", config.KeyPrefix); err != nil {
		t.Fatal(err)
	}
	if count, err := sessiontest.OpenRedis(t, config).CountSessions(t.Context()); count < 18_000 || count > 22_000 || err != nil {
		t.Errorf("of 20000 sessions, %d are counted, %v", count, err)
	}
}
