package redisstore_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// advisedRules returns the rules behind the password in the nth ACL SETUSER of the operator's handbook.
func advisedRules(t *testing.T, nth int) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin = "\nACL SETUSER stagedoor on >PASSWORD "
	parts := strings.Split(string(text), begin)
	if len(parts) != 3 {
		t.Fatalf("docs/operations.md has %d lines that begin with %q, want one for Redis and one for sentinels", len(parts)-1, begin)
	}
	rules, _, _ := strings.Cut(parts[nth], "\n")
	return strings.Fields(rules)
}

// withRights makes a user with the rules, and returns how to log in as that one.
func withRights(t *testing.T, config redisstore.Config, rules []string, servers ...*sessiontest.RedisServer) redisstore.Config {
	t.Helper()
	for _, server := range servers {
		do(t, server, append([]string{"ACL", "SETUSER", "stagedoor", "on", ">secret"}, rules...)...)
	}
	config.Username, config.Password = "stagedoor", secret.New("secret")
	return config
}

// wantNothingDenied reads the server's own list of what its ACL has rejected.
func wantNothingDenied(t *testing.T, servers ...*sessiontest.RedisServer) {
	t.Helper()
	for _, server := range servers {
		denied, err := server.Do("ACL", "LOG")
		if list, ok := denied.([]any); err != nil || !ok || len(list) > 0 {
			t.Errorf("Redis has rejected %v, %v", denied, err)
		}
	}
}

func TestRedisACLIsDocumented(t *testing.T) {
	config := redisstore.DefaultConfig()
	if got, want := strings.Join(advisedRules(t, 1), " "), strings.Join(config.ACLRules(), " "); got != want {
		t.Errorf("docs/operations.md advises\n%s, want\n%s", got, want)
	}
}

// With the advised rights everything works, and no right is advised that nothing needs. Of the quota, which is not this package's,
// the tests of whole gateways tell.
func TestRedisACL(t *testing.T) {
	t.Parallel()
	server := sessiontest.StartRedis(t)
	config := withRights(t, server.Config(), advisedRules(t, 1), server)
	useEverything(t, config, server)
	wantNothingDenied(t, server)
	for _, rule := range advisedRules(t, 1) {
		command, isCommand := strings.CutPrefix(rule, "+")
		isQuota := command == "time" || command == "hmget"
		if !isCommand || isQuota || command == "dbsize" { // which is asked for when there are more than 20,000 keys
			continue
		}
		reply, err := server.Do("INFO", "commandstats")
		if text, _ := reply.(string); err != nil || !strings.Contains(text, "cmdstat_"+command+":") {
			t.Errorf("%s is advised and never used (%v)", rule, err)
		}
	}
}

// The rights of another configuration are others.
func TestRedisACLOfAConfiguration(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*redisstore.Config){
		"a database":              func(c *redisstore.Config) { c.Database = 3 },
		"a prefix like a pattern": func(c *redisstore.Config) { c.KeyPrefix = `[s*]\?:` },
		"no prefix":               func(c *redisstore.Config) { c.KeyPrefix = "" },
	} {
		t.Run(name, func(t *testing.T) {
			server := sessiontest.StartRedis(t)
			config := server.Config()
			change(&config)
			config = withRights(t, config, config.ACLRules(), server)
			useEverything(t, config)
			wantNothingDenied(t, server)
			if config.KeyPrefix != "" {
				config.KeyPrefix = `sss\?:` // which the pattern would match
				wantError(t, "a foreign prefix", sessiontest.OpenRedis(t, config).Save(t.Context(), "key", session.Entry{Version: 1}, time.Hour, ""),
					session.ErrStoreUnavailable)
			}
		})
	}
}

// In a cluster every node has the user.
func TestRedisACLCluster(t *testing.T) {
	sessiontest.OnlyLong(t, "a cluster passes the whole conformance suite")
	t.Parallel()
	nodes := sessiontest.StartRedisCluster(t, 3)
	config := sessiontest.ClusterConfig(nodes)
	useEverything(t, withRights(t, config, config.ACLRules(), nodes...), nodes...)
	wantNothingDenied(t, nodes...)
}

// useEverything calls all that a store does, through two replicas that watch; with servers, also what the conformance suite does.
func useEverything(t *testing.T, config redisstore.Config, servers ...*sessiontest.RedisServer) {
	t.Helper()
	here, there := sessiontest.OpenRedis(t, config), sessiontest.OpenRedis(t, config)
	w := startWatcher(t, here)
	startWatcher(t, there)
	w.await(t, there, "session:first")
	for _, store := range []*redisstore.Store{here, there} {
		sessiontest.Eventually(t, watchTime, "Redis tells of changes", store.Watching)
		if remark, err := store.Ready(t.Context()); remark != "" || err != nil {
			t.Errorf("Ready: %q, %v", remark, err)
		}
	}
	for _, f := range here.Inspect(t.Context()) {
		masters := strings.Contains(f.Text, "have no replica that follows them") // as in the clusters of these tests
		if f.Severity == redisstore.Problem || f.Severity == redisstore.Warning && !masters {
			t.Errorf("%s: %s", f.Severity, f.Text)
		}
	}
	if _, err := here.CountSessions(t.Context()); err != nil {
		t.Error(err)
	}
	if replicas, err := here.Replicas(t.Context()); replicas < 2 || err != nil {
		t.Errorf("%d replicas, %v", replicas, err)
	}
	if len(servers) == 0 {
		return
	}
	prefix := config.KeyPrefix
	t.Run("conformance", func(t *testing.T) {
		sessiontest.TestStore(t, func(t *testing.T) (sessiontest.Store, func(time.Duration)) {
			config := config
			config.KeyPrefix = prefix + t.Name() + ":" // an empty store for every test, within the rights
			store := sessiontest.OpenRedis(t, config)
			return store, func(d time.Duration) {
				for _, server := range servers {
					server.Advance(d)
				}
			}
		})
	})
}
