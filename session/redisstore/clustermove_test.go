package redisstore_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// TestSaveWaitsForAMove saves a new record while its slot moves: the cluster says TRYAGAIN until the move ends, more often than go-redis
// tries by itself.
func TestSaveWaitsForAMove(t *testing.T) {
	t.Parallel()
	nodes := sessiontest.StartRedisCluster(t, 3)
	config := sessiontest.ClusterConfig(nodes)
	config.Timeout = time.Minute
	store := sessiontest.OpenRedis(t, config)
	ask := func(node *sessiontest.RedisServer, command ...string) any {
		t.Helper()
		reply, err := node.Do(command...)
		if err != nil {
			t.Fatal(command, err)
		}
		return reply
	}
	key, slot := "", ""
	for i := 0; ; i++ { // one of the first node's
		key = fmt.Sprint("session:", i)
		number := ask(nodes[0], "CLUSTER", "KEYSLOT", key).(int64)
		if slot = fmt.Sprint(number); number < 5000 {
			break
		}
	}
	source, target := ask(nodes[0], "CLUSTER", "MYID").(string), ask(nodes[2], "CLUSTER", "MYID").(string)
	ask(nodes[2], "CLUSTER", "SETSLOT", slot, "IMPORTING", source)
	ask(nodes[0], "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	saved := make(chan error, 1)
	go func() {
		saved <- store.Save(t.Context(), key, session.Entry{Version: 1, Data: []byte("record")}, time.Hour, "holder")
	}()
	told := regexp.MustCompile(`errorstat_TRYAGAIN:count=(\d+)`)
	sessiontest.Eventually(t, 30*time.Second, "the cluster has said TRYAGAIN ten times", func() bool {
		stats, _ := ask(nodes[2], "INFO", "errorstats").(string)
		found := told.FindStringSubmatch(stats)
		if found == nil {
			return false
		}
		count, err := strconv.Atoi(found[1])
		return err == nil && count >= 10
	})
	for _, node := range []*sessiontest.RedisServer{nodes[2], nodes[0], nodes[1]} {
		ask(node, "CLUSTER", "SETSLOT", slot, "NODE", target)
	}
	if err := <-saved; err != nil {
		t.Error(err)
	}
	if e, err := store.Load(t.Context(), key); err != nil || string(e.Data) != "record" {
		t.Errorf("saved is %q, %v", e.Data, err)
	}
}
