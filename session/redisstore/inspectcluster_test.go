package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// TestInspectBrokenCluster looks at a cluster that is well and at what may be wrong with one, in turn.
func TestInspectBrokenCluster(t *testing.T) {
	sessiontest.OnlyLong(t, "a cluster loses its masters")
	t.Parallel()
	nodes := sessiontest.StartRedisCluster(t, 3)
	sessiontest.AddReplica(t, nodes, nodes[0])
	config := sessiontest.ClusterConfig(nodes)
	inspect := func(c redisstore.Config) string {
		t.Helper()
		var lines []string
		for _, f := range sessiontest.OpenRedis(t, c).Inspect(t.Context()) {
			lines = append(lines, fmt.Sprintf("%s: %s", f.Severity, f.Text))
		}
		return strings.Join(lines, "\n")
	}
	expect := func(what, findings string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(findings, want) {
				t.Errorf("%s: %q is not in\n%s", what, want, findings)
			}
		}
	}
	findings := inspect(config)
	expect("well", findings, "ok: The Redis cluster has 3 masters, which serve all slots.", "ok: Redis keeps sessions: ",
		"warning: Of the Redis cluster's masters ", "no replica that follows them", nodes[1].Addr(), "ok: Redis at "+nodes[2].Addr()+" has version ")
	if strings.Contains(findings, "fault: ") {
		t.Errorf("well: %s", findings)
	}
	least, wrong, noCluster := config, config, config
	least.Username, least.Password = sessiontest.LeastUser, secret.New(sessiontest.LeastPassword)
	if findings := inspect(least); strings.Contains(findings, "fault: ") {
		t.Errorf("with the least rights: %s", findings)
	}
	wrong.Username, wrong.Password = sessiontest.LeastUser, secret.New("wrong")
	expect("a wrong password", inspect(wrong), "fault: Redis does not answer: WRONGPASS", "correct redis.username and password")
	plain := sessiontest.StartRedis(t)
	noCluster.Addresses = []string{plain.Addr(), plain.Addr()}
	expect("servers that are no cluster", inspect(noCluster), "fault: Redis does not answer: ", "these are no nodes of a cluster: name one server")

	for _, node := range []*sessiontest.RedisServer{nodes[2], nodes[0], nodes[1]} { // its master first, which would tell the others of it again
		if _, err := node.Do("CLUSTER", "DELSLOTS", "16000"); err != nil {
			t.Fatal(err)
		}
	}
	expect("a slot that nobody serves", inspect(config), "fault: The Redis cluster serves 16383 of 16384 slots", "redis-cli --cluster fix")
	if _, err := nodes[2].Do("CLUSTER", "ADDSLOTS", "16000"); err != nil {
		t.Fatal(err)
	}

	nodes[1].Pause()
	config.Timeout = time.Second
	expect("a master that hangs", inspect(config), "fault: The master "+nodes[1].Addr()+" of the Redis cluster does not answer (no answer in time), so about 33 %",
		"give it a replica")
	nodes[1].Resume()
	nodes[1].Kill()
	expect("a dead master", inspect(config), "fault: The master "+nodes[1].Addr()+" of the Redis cluster does not answer (connection refused)")
}
