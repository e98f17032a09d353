package sessiontest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stagedoor/session/redisstore"
)

const (
	// clusterSlots is the number of hash slots of a Redis cluster.
	clusterSlots = 16384
	// clusterTime bounds how long nodes take to know each other.
	clusterTime = 30 * time.Second
)

// StartRedisCluster starts a cluster of so many masters without replicas, and waits until every node serves all slots.
func StartRedisCluster(t testing.TB, nodes int) []*RedisServer {
	t.Helper()
	cluster := make([]*RedisServer, nodes)
	buses := make([]string, nodes)
	for i := range cluster {
		_, bus, _ := net.SplitHostPort(FreeAddress(t))
		cluster[i] = StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000")
		buses[i] = bus
		cluster[i].allowCluster()
	}
	for i, node := range cluster {
		first, last := i*clusterSlots/nodes, (i+1)*clusterSlots/nodes-1
		node.must("CLUSTER", "SET-CONFIG-EPOCH", fmt.Sprint(i+1))
		node.must("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(first), fmt.Sprint(last))
		cluster[0].must("CLUSTER", "MEET", "127.0.0.1", node.Port(), buses[i])
	}
	for _, node := range cluster {
		Eventually(t, clusterTime, "every node knows the whole cluster", func() bool {
			info, _ := node.must("CLUSTER", "INFO").(string)
			return strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", nodes)) &&
				strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d\r", clusterSlots))
		})
	}
	return cluster
}

// ClusterConfig is the configuration of a store in a cluster with these nodes.
func ClusterConfig(nodes []*RedisServer) redisstore.Config {
	config := nodes[0].Config()
	config.Addresses = nil
	for _, node := range nodes {
		config.Addresses = append(config.Addresses, node.Addr())
	}
	return config
}

// allowCluster gives LeastUser the rights that a gateway needs in a cluster, until the server ends.
func (s *RedisServer) allowCluster() {
	s.t.Helper()
	config := redisstore.DefaultConfig()
	config.Addresses = make([]string, 2)
	s.must(append([]string{"ACL", "SETUSER", LeastUser}, config.ACLRules()...)...)
}

// AddReplica adds a replica of one master of a cluster, and waits until it follows. The cluster then elects it a second or two after
// the master's death.
func AddReplica(t testing.TB, cluster []*RedisServer, master *RedisServer) *RedisServer {
	t.Helper()
	_, bus, _ := net.SplitHostPort(FreeAddress(t))
	replica := StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1000")
	replica.allowCluster()
	cluster[0].must("CLUSTER", "MEET", "127.0.0.1", replica.Port(), bus)
	id, _ := master.must("CLUSTER", "MYID").(string)
	Eventually(t, clusterTime, "the replica knows its master", func() bool {
		_, err := replica.Do("CLUSTER", "REPLICATE", id)
		return err == nil
	})
	Eventually(t, clusterTime, "the replica follows its master", func() bool {
		info, _ := replica.must("INFO", "replication").(string)
		return strings.Contains(info, "master_link_status:up")
	})
	for _, node := range cluster {
		node.must("CONFIG", "SET", "cluster-node-timeout", "1000")
		Eventually(t, clusterTime, "every node knows the replica", func() bool {
			nodes, _ := node.must("CLUSTER", "NODES").(string)
			return strings.Contains(nodes, ":"+replica.Port()+"@") && strings.Contains(nodes, "slave "+id)
		})
	}
	return replica
}

// MoveSlots moves up to so many slots that have keys from one master of a cluster to another, as redis-cli --cluster reshard does, and
// returns how many slots and keys it has moved.
func MoveSlots(t testing.TB, cluster []*RedisServer, from, to *RedisServer, most int) (slots, keys int) {
	t.Helper()
	source, _ := from.must("CLUSTER", "MYID").(string)
	target, _ := to.must("CLUSTER", "MYID").(string)
	names, _ := from.must("KEYS", "*").([]any)
	moved := map[string]bool{}
	for _, name := range names {
		slot := fmt.Sprint(from.must("CLUSTER", "KEYSLOT", name.(string)))
		if moved[slot] || len(moved) == most {
			continue
		}
		moved[slot] = true
		to.must("CLUSTER", "SETSLOT", slot, "IMPORTING", source)
		from.must("CLUSTER", "SETSLOT", slot, "MIGRATING", target)
		for {
			some, _ := from.must("CLUSTER", "GETKEYSINSLOT", slot, "100").([]any)
			if len(some) == 0 {
				break
			}
			migrate := []string{"MIGRATE", "127.0.0.1", to.Port(), "", "0", "5000", "KEYS"}
			for _, key := range some {
				migrate = append(migrate, key.(string))
			}
			from.must(migrate...)
			keys += len(some)
		}
		for _, node := range append([]*RedisServer{to, from}, cluster...) { // the new owner first: else there could be none for a moment
			node.must("CLUSTER", "SETSLOT", slot, "NODE", target)
		}
	}
	return len(moved), keys
}

// StartSentinel starts a sentinel that watches master under the name, and promotes a replica of it after about a second
// without an answer. It waits until the sentinel knows all the replicas.
func StartSentinel(t testing.TB, name string, master *RedisServer, replicas ...*RedisServer) *RedisServer {
	t.Helper()
	for _, replica := range replicas {
		replica.must("REPLICAOF", "127.0.0.1", master.Port())
	}
	for _, replica := range replicas {
		Eventually(t, clusterTime, "the replica follows its master", func() bool {
			info, _ := replica.must("INFO", "replication").(string)
			return strings.Contains(info, "master_link_status:up")
		})
	}
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, nil, 0o600); err != nil { // a sentinel does not start without one
		t.Fatal(err)
	}
	sentinel := startServer(t, file, "--sentinel")
	sentinel.must("SENTINEL", "DEBUG", "info-period", "200", "ping-period", "100", "publish-period", "100")
	sentinel.must("SENTINEL", "MONITOR", name, "127.0.0.1", master.Port(), "1")
	sentinel.must("SENTINEL", "SET", name, "down-after-milliseconds", "500", "failover-timeout", "5000")
	Eventually(t, clusterTime, "the sentinel knows the replicas", func() bool {
		known, _ := sentinel.must("SENTINEL", "REPLICAS", name).([]any)
		return len(known) == len(replicas)
	})
	return sentinel
}

// must is Do for a command that has to succeed.
func (s *RedisServer) must(command ...string) any {
	s.t.Helper()
	reply, err := s.Do(command...)
	if err != nil {
		s.t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	return reply
}
