package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// TestClusterFailover kills a master of a cluster. Readiness says so, and the keys of the dead master are used soon after the election of its
// replica: go-redis' default would need up to a minute to learn of it.
func TestClusterFailover(t *testing.T) {
	sessiontest.OnlyLong(t, "a cluster elects another master")
	t.Parallel()
	const within = 5 * time.Second // after the election; the usual time is one
	nodes := sessiontest.StartRedisCluster(t, 3)
	replica := sessiontest.AddReplica(t, nodes, nodes[1])
	config := sessiontest.ClusterConfig(nodes)
	store := sessiontest.OpenRedis(t, config)
	const entries = 30 // which all masters have some of
	key := func(i int) string { return fmt.Sprint("session:", i) }
	write := func(version int64) (failed int, err error) {
		for i := range entries {
			if _, saveErr := store.Acquire(t.Context(), fmt.Sprint(key(i), ":", version), "holder", time.Hour); saveErr != nil {
				failed, err = failed+1, saveErr
			}
		}
		return failed, err
	}
	if failed, err := write(1); failed > 0 {
		t.Fatalf("%d of %d writes failed: %v", failed, entries, err)
	}
	if remark, err := store.Ready(t.Context()); remark != "" || err != nil {
		t.Fatalf("ready: %q, %v", remark, err)
	}

	nodes[1].Kill()
	if _, err := store.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "1 of 3 masters") {
		t.Errorf("right after the death of a master: ready: %v", err)
	}
	sessiontest.Eventually(t, time.Minute, "the replica is elected", func() bool {
		info, _ := replica.Do("INFO", "replication")
		text, _ := info.(string)
		return strings.Contains(text, "role:master")
	})
	elected := time.Now()
	for version := int64(2); ; version++ {
		failed, err := write(version)
		took := time.Since(elected)
		if failed == 0 {
			t.Logf("all keys are used %v after the election", took.Round(time.Millisecond))
			break
		}
		if took > within {
			t.Fatalf("%v after the election %d of %d writes fail: %v", took, failed, entries, err)
		}
	}
	sessiontest.Eventually(t, within, "the store is ready", func() bool {
		remark, err := store.Ready(t.Context())
		return remark == "" && err == nil
	})
	if err := store.Save(t.Context(), key(0), session.Entry{Version: 1}, time.Hour, ""); err != nil {
		t.Errorf("a write after the failover: %v", err)
	}
}
