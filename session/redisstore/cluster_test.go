package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes := sessiontest.StartRedisCluster(t, 3)
	config := sessiontest.ClusterConfig(nodes)
	t.Run("conformance", func(t *testing.T) {
		sessiontest.TestStore(t, func(t *testing.T) (sessiontest.Store, func(time.Duration)) {
			own := config
			own.KeyPrefix = t.Name() + ":"
			store := sessiontest.OpenRedis(t, own)
			return store, func(d time.Duration) {
				for _, node := range nodes {
					node.Advance(d)
				}
			}
		})
	})
	t.Run("keys are spread, deletions heard of everywhere", func(t *testing.T) {
		here, other := sessiontest.OpenRedis(t, config), sessiontest.OpenRedis(t, config)
		w := startWatcher(t, here)
		w.await(t, other, "first")
		const entries = 60
		key := func(i int) string { return fmt.Sprint("session:", i) }
		for i := range entries {
			if held, err := other.Acquire(t.Context(), key(i), "holder", time.Hour); !held || err != nil {
				t.Fatal(held, err)
			}
			if err := other.Save(t.Context(), key(i), session.Entry{Version: 1}, time.Hour, "holder"); err != nil {
				t.Fatal(err)
			}
		}
		for _, node := range nodes {
			if size, err := node.Do("DBSIZE"); size == int64(0) || err != nil {
				t.Errorf("%s has %v keys of %d, %v", node.Addr(), size, entries, err)
			}
		}
		for i := range entries {
			if deleted, err := other.Delete(t.Context(), key(i)); !deleted || err != nil {
				t.Errorf("%s: %v, %v", key(i), deleted, err)
			}
		}
		sessiontest.Eventually(t, watchTime, "every deletion is heard of", func() bool {
			for i := range entries {
				if w.times(key(i)) == 0 {
					return false
				}
			}
			return true
		})
	})
}
