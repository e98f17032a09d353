package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Severity says what a Finding means for the operator.
type Severity string

// The severities.
const (
	Fine    Severity = "ok"
	Skipped Severity = "skipped" // it could not be inspected, which is not a problem
	Warning Severity = "warning" // it works, and will surprise
	Problem Severity = "fault"   // the gateway would not work
)

// Finding is the result of one check.
type Finding struct {
	Severity Severity
	// Text is a sentence; of a warning and a problem it says what to do. It has no secret.
	Text string
}

const (
	// oldestRedis is the first major version with users and with the tracking that Watch asks for.
	oldestRedis = 6
	// probeLife is how long a probe may stay that could not be deleted.
	probeLife = 10 * time.Second
)

// Inspect checks Redis as its operator would before a deployment: whether it answers, accepts the login, can be written to and
// reports changes, and whether its version, its eviction and its persistence suit sessions. What cannot be checked is a finding
// too.
func (s *Store) Inspect(ctx context.Context) []Finding {
	findings := s.inspect(ctx)
	for i := range findings {
		findings[i].Text = s.inItsName(findings[i].Text)
	}
	return findings
}

func (s *Store) inspect(ctx context.Context) []Finding {
	cluster, isCluster := s.client.(*redis.ClusterClient)
	var whole []Finding
	if isCluster {
		whole = s.inspectCluster(ctx, cluster)
	}
	if hasProblem(whole) {
		return whole // what else could be told depends on which nodes are asked
	}
	if err := s.Ping(ctx); err != nil {
		return []Finding{{Problem, "Redis does not answer: " + s.explain(err)}}
	}
	s.learnName(ctx)
	findings := append([]Finding{{Fine, "Redis answers and lets the gateway in."}}, whole...)
	if err := s.probe(ctx); err != nil {
		findings = append(findings, Finding{Problem, "Redis answers but cannot keep sessions: " + s.explain(err)})
	} else {
		findings = append(findings, Finding{Fine, "Redis keeps sessions: a probe was written, read and deleted."})
	}
	findings = append(findings, s.inspectWatch(ctx))
	if !isCluster {
		return append(findings, s.inspectServer(ctx, "Redis", s.client)...)
	}
	var mu sync.Mutex // guards masters, which are visited at the same time
	var masters []Finding
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		found := s.inspectServer(ctx, "Redis at "+master.Options().Addr, master)
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, found...)
		return nil
	})
	if err != nil {
		masters = append(masters, Finding{Problem, "The cluster does not tell its masters: " + s.explain(err)})
	}
	slices.SortStableFunc(masters, func(a, b Finding) int { return cmp.Compare(a.Text, b.Text) })
	return append(findings, masters...)
}

// inspectServer asks one server about itself.
func (s *Store) inspectServer(ctx context.Context, name string, server redis.Cmdable) []Finding {
	var text string
	err := s.do(ctx, func(ctx context.Context) (err error) {
		text, err = server.Info(ctx).Result()
		return err
	})
	if err != nil {
		return []Finding{{Skipped, name + " does not tell its version, eviction and persistence (" + bare(err) + "); " +
			"it should have version 6, maxmemory-policy noeviction and appendonly yes."}}
	}
	info := readInfo(text)
	return []Finding{
		checkVersion(name, info),
		checkEviction(name, info["maxmemory_policy"]),
		s.persistence(ctx, name, server, info["aof_enabled"] == "1"),
	}
}

// readInfo reads the answer of INFO (https://redis.io/docs/latest/commands/info/).
func readInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// checkVersion knows that Valkey says which version of Redis it is compatible with, too; none of it is too old.
func checkVersion(name string, info map[string]string) Finding {
	if own := info["valkey_version"]; own != "" {
		return Finding{Fine, fmt.Sprintf("%s has version %s.", name, own)}
	}
	version := info["redis_version"]
	first, _, _ := strings.Cut(version, ".")
	switch major, err := strconv.Atoi(first); {
	case err != nil:
		return Finding{Skipped, fmt.Sprintf("%s does not tell its version; it should be %d or later.", name, oldestRedis)}
	case major < oldestRedis:
		return Finding{Problem, fmt.Sprintf("%s has version %s; upgrade it to %d or later.", name, version, oldestRedis)}
	}
	return Finding{Fine, fmt.Sprintf("%s has version %s.", name, version)}
}

// checkEviction knows that every session has a time to live: to Redis all of them are volatile.
func checkEviction(name, policy string) Finding {
	switch policy {
	case "":
		return Finding{Skipped, name + " does not tell its maxmemory-policy; it should be noeviction."}
	case "noeviction":
		return Finding{Fine, name + " evicts nothing (maxmemory-policy noeviction)."}
	}
	return Finding{Warning, fmt.Sprintf("%s evicts keys when its memory is full (maxmemory-policy %s), and logs their users out; "+
		"set maxmemory-policy noeviction.", name, policy)}
}

// persistence tells what a restart of the server leaves. Managed servers often reject CONFIG.
func (s *Store) persistence(ctx context.Context, name string, server redis.Cmdable, appends bool) Finding {
	if appends {
		return Finding{Fine, name + " keeps sessions over a restart (appendonly yes)."}
	}
	var config map[string]string
	err := s.do(ctx, func(ctx context.Context) (err error) {
		config, err = server.ConfigGet(ctx, "save").Result()
		return err
	})
	switch save, found := config["save"]; {
	case err != nil:
		return Finding{Skipped, name + " has no append-only file and does not tell whether it takes snapshots (" + bare(err) +
			"); see to it that it keeps its data over a restart."}
	case !found:
		return Finding{Skipped, name + " has no append-only file and does not tell whether it takes snapshots; " +
			"see to it that it keeps its data over a restart."}
	case save == "":
		return Finding{Warning, name + " writes nothing to its disk, and its restart logs everybody out; set appendonly yes."}
	default:
		return Finding{Fine, fmt.Sprintf("%s takes snapshots (save %s); a crash loses the logins since the last.", name, save)}
	}
}
