package session_test

import (
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// failoverTime bounds how long sentinels take to promote a replica.
const failoverTime = 60 * time.Second

// A master that dies is replaced: what it has passed on to its replica is there, and goes on being written and heard of.
func TestRedisSentinelFailover(t *testing.T) {
	t.Parallel()
	master, replica := sessiontest.StartRedis(t), sessiontest.StartRedis(t)
	sentinel := sessiontest.StartSentinel(t, "main", master, replica)
	config := sentinel.Config()
	config.SentinelMaster = "main"
	config.Timeout = session.DefaultRedisConfig().Timeout
	store, other := openRedis(t, config), openRedis(t, config)
	w := startWatcher(t, store)
	if err := store.Save(t.Context(), "key", session.Entry{Version: 1, Data: []byte("one")}, time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	sessiontest.Eventually(t, watchTime, "the replica has the entry", func() bool {
		size, err := replica.Do("DBSIZE")
		return err == nil && size != int64(0)
	})
	master.Stop()
	sessiontest.Eventually(t, failoverTime, "the replica is the master", func() bool {
		err := store.Save(t.Context(), "key", session.Entry{Version: 2, Data: []byte("two")}, time.Hour, "")
		if err != nil {
			wantError(t, "a save during the failover", err, session.ErrStoreUnavailable)
		}
		return err == nil
	})
	if e, err := store.Load(t.Context(), "key"); err != nil || string(e.Data) != "two" {
		t.Errorf("after the failover: got %q, %v", e.Data, err)
	}
	w.await(t, other, "deleted after the failover")
}
