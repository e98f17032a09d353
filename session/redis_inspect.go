package session

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Verdict says what a Finding means for the operator.
type Verdict string

// The verdicts.
const (
	Fine    Verdict = "ok"
	Skipped Verdict = "skipped" // it could not be looked at, which is nobody's fault
	Warning Verdict = "warning" // it works, and will surprise
	Fault   Verdict = "fault"   // the gateway would not work
)

// Finding is what became of one question.
type Finding struct {
	Verdict Verdict
	// Text is a sentence; of a warning and a fault it says what to do. It holds no secret.
	Text string
}

const (
	// oldestRedis is the first major version with users and with the tracking that Watch asks for.
	oldestRedis = 6
	// probeLife is how long a probe may stay that could not be deleted.
	probeLife = 10 * time.Second
)

// Inspect looks at Redis as its operator would before a deployment: whether it answers, takes the login, can be written to and
// tells of changes, and whether its version, its eviction and its persistence suit sessions. What cannot be asked is a finding
// too.
func (s *Redis) Inspect(ctx context.Context) []Finding {
	findings := s.inspect(ctx)
	for i := range findings {
		findings[i].Text = s.inItsName(findings[i].Text)
	}
	return findings
}

func (s *Redis) inspect(ctx context.Context) []Finding {
	if err := s.Ping(ctx); err != nil {
		return []Finding{{Fault, "Redis does not answer: " + s.explain(err)}}
	}
	s.learnName(ctx)
	findings := []Finding{{Fine, "Redis answers and lets the gateway in."}}
	if err := s.probe(ctx); err != nil {
		findings = append(findings, Finding{Fault, "Redis answers but cannot keep sessions: " + s.explain(err)})
	} else {
		findings = append(findings, Finding{Fine, "Redis keeps sessions: a probe was written, read and deleted."})
	}
	findings = append(findings, s.inspectWatch(ctx))
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
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
		masters = append(masters, Finding{Fault, "The cluster does not tell its masters: " + s.explain(err)})
	}
	slices.SortStableFunc(masters, func(a, b Finding) int { return cmp.Compare(a.Text, b.Text) })
	return append(findings, masters...)
}

// inspectServer asks one server about itself.
func (s *Redis) inspectServer(ctx context.Context, name string, server redis.Cmdable) []Finding {
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
		judgeVersion(name, info),
		judgeEviction(name, info["maxmemory_policy"]),
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

// judgeVersion knows that Valkey says which version of Redis it is compatible with, too; none of it is too old.
func judgeVersion(name string, info map[string]string) Finding {
	if own := info["valkey_version"]; own != "" {
		return Finding{Fine, fmt.Sprintf("%s has version %s.", name, own)}
	}
	version := info["redis_version"]
	first, _, _ := strings.Cut(version, ".")
	switch major, err := strconv.Atoi(first); {
	case err != nil:
		return Finding{Skipped, fmt.Sprintf("%s does not tell its version; it should be %d or later.", name, oldestRedis)}
	case major < oldestRedis:
		return Finding{Fault, fmt.Sprintf("%s has version %s; upgrade it to %d or later.", name, version, oldestRedis)}
	}
	return Finding{Fine, fmt.Sprintf("%s has version %s.", name, version)}
}

// judgeEviction knows that every session has a time to live: to Redis all of them are volatile.
func judgeEviction(name, policy string) Finding {
	switch policy {
	case "":
		return Finding{Skipped, name + " does not tell its maxmemory-policy; it should be noeviction."}
	case "noeviction":
		return Finding{Fine, name + " evicts nothing (maxmemory-policy noeviction)."}
	}
	return Finding{Warning, fmt.Sprintf("%s evicts keys when its memory is full (maxmemory-policy %s), and logs their users out; "+
		"set maxmemory-policy noeviction.", name, policy)}
}

// persistence tells what a restart of the server leaves. Managed servers often refuse CONFIG.
func (s *Redis) persistence(ctx context.Context, name string, server redis.Cmdable, appends bool) Finding {
	if appends {
		return Finding{Fine, name + " keeps sessions over a restart (appendonly yes)."}
	}
	var config map[string]string
	err := s.do(ctx, func(ctx context.Context) (err error) {
		config, err = server.ConfigGet(ctx, "save").Result()
		return err
	})
	switch save, told := config["save"]; {
	case err != nil:
		return Finding{Skipped, name + " has no append-only file and does not tell whether it takes snapshots (" + bare(err) +
			"); see to it that it keeps its data over a restart."}
	case !told:
		return Finding{Skipped, name + " has no append-only file and does not tell whether it takes snapshots; " +
			"see to it that it keeps its data over a restart."}
	case save == "":
		return Finding{Warning, name + " writes nothing to its disk, and its restart logs everybody out; set appendonly yes."}
	default:
		return Finding{Fine, fmt.Sprintf("%s takes snapshots (save %s); a crash loses the logins since the last.", name, save)}
	}
}

// refusals are error replies of Redis by their begin, with what to do (https://redis.io/docs/latest/commands/).
var refusals = []struct{ begin, mend string }{
	{"NOAUTH", "set redis.password or password_file"},
	{"WRONGPASS", "correct redis.username and password"},
	{"DB index", "correct redis.database"},
	{"READONLY", "this is a replica: name the primary in redis.addresses, or the sentinels and sentinel_master"},
	{"MOVED", "this is a node of a cluster: name several of its nodes in redis.addresses"},
	{"OOM", "its memory is full: raise maxmemory"},
	{"MISCONF", "it cannot write to its disk: look at its log"},
	{"LOADING", "it is reading its data after a start: try again"},
	{"CLUSTERDOWN", "the cluster lacks masters: look at CLUSTER INFO"},
}

// explain says what an error means and what to do about it. It quotes Redis, but no argument of a command.
func (s *Redis) explain(err error) string {
	fault, mend := s.advise(err)
	if fault == "" {
		fault = bare(err)
	}
	return fault + "; " + mend + "."
}

// forbidden tells whether Redis' ACL rejects a command, key or channel; within a script, Redis 7.0 has other words for it.
func forbidden(err error) bool {
	return redis.HasErrorPrefix(err, "NOPERM") || redis.HasErrorPrefix(err, "The user executing the script")
}

// advise says what to do about an error, and what is wrong if the error itself does not say it in plain words.
func (s *Redis) advise(err error) (fault, mend string) {
	var sentinels *sentinelsError
	if errors.As(err, &sentinels) {
		return sentinels.advice()
	}
	if forbidden(err) {
		return "", s.rights
	}
	for _, r := range refusals {
		if redis.HasErrorPrefix(err, r.begin) {
			return "", r.mend
		}
	}
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var network net.Error
	switch {
	case errors.As(err, &authority):
		return "", "name the authority in redis.tls.ca_file"
	case errors.As(err, &host):
		return "", "name Redis in redis.addresses as its certificate does"
	case errors.Is(err, errQueueFull):
		return "", "it is too slow for the requests there are, or does not answer: look at its load and at the way there"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("nothing came within redis.timeout (%v)", s.timeout), "look at redis.addresses, redis.tls and the way there"
	}
	return "", "look whether it runs, and at redis.addresses and redis.tls"
}

// bare is an error of do in the words of what went wrong.
func bare(err error) string {
	return strings.TrimPrefix(err.Error(), ErrStoreUnavailable.Error()+": ")
}
