package redisstore_test

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// A user without one of the rights is not ready, and is told which; a full Redis is, with a remark.
func TestRedisReady(t *testing.T) {
	t.Parallel()
	server := sessiontest.StartRedis(t)
	store := sessiontest.OpenRedis(t, withRights(t, server.Config(), advisedRules(t, 1), server))
	right := strings.Join(advisedRules(t, 1), " ")
	for _, c := range []struct{ take, give string }{
		{"-get", "+get"}, {"-set", "+set"}, {"-del", "+del"}, {"-publish", "+publish"},
		{"-hset", "+hset"}, {"-hgetall", "+hgetall"}, {"-hdel", "+hdel"}, {"-pttl", "+pttl"}, {"-pexpire", "+pexpire"},
		{"resetkeys", "~stagedoor:*"}, {"resetchannels", "&stagedoor:*"},
	} {
		if remark, err := store.Ready(t.Context()); remark != "" || err != nil {
			t.Fatalf("before %s: %q, %v", c.take, remark, err)
		}
		do(t, server, "ACL", "SETUSER", "stagedoor", c.take)
		sessiontest.Eventually(t, watchTime, "it is not ready after "+c.take, func() bool {
			_, err := store.Ready(t.Context())
			return err != nil && strings.Contains(err.Error(), "Redis says NOPERM; ") && strings.Contains(err.Error(), right)
		})
		do(t, server, "ACL", "SETUSER", "stagedoor", c.give)
	}
	do(t, server, "CONFIG", "SET", "maxmemory", "1")
	if remark, err := store.Ready(t.Context()); !strings.HasPrefix(remark, "Redis is full (OOM)") || err != nil {
		t.Errorf("full: %q, %v", remark, err)
	}
	do(t, server, "CONFIG", "SET", "maxmemory", "0")
	do(t, server, "REPLICAOF", "127.0.0.1", "1")
	if _, err := store.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "Redis says READONLY; this is a replica") {
		t.Errorf("a replica: %v", err)
	}
	server.Stop()
	if _, err := store.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused; look whether it runs") {
		t.Errorf("down: %v", err)
	}
}

// A Redis that may drop sessions is logged at the first check, once.
func TestRedisThatEvicts(t *testing.T) {
	t.Parallel()
	server := sessiontest.StartRedis(t)
	do(t, server, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
	core, logs := observer.New(zapcore.WarnLevel)
	store, err := redisstore.New(server.Config(), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	for range 2 {
		if _, err := store.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if logs.FilterMessageSnippet("maxmemory-policy volatile-lru").Len() != 1 {
		t.Errorf("the log says %v", logs.All())
	}
}

// A watch that Redis rejects is said once, with what to do, and once when it works.
func TestRedisWatchWithoutRights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, take, give, want string }{
		{"the channel of changes", "resetchannels", "&__redis__:invalidate", "Redis does not tell the gateway of changes (Redis says NOPERM)"},
		{"SUBSCRIBE", "-subscribe", "+subscribe", "Redis does not tell the gateway of changes (Redis says NOPERM)"},
		{"CLIENT TRACKING", "-client|tracking", "+client|tracking", "Redis tells the gateway of logouts alone (Redis says NOPERM)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := sessiontest.StartRedis(t)
			config := withRights(t, server.Config(), advisedRules(t, 1), server)
			do(t, server, "ACL", "SETUSER", "stagedoor", c.take, "&stagedoor:*")
			core, lines := observer.New(zapcore.InfoLevel)
			store, err := redisstore.New(config, zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			startWatcher(t, store)
			said := func(begin string) func() bool {
				return func() bool {
					for _, line := range lines.All() {
						if strings.HasPrefix(line.Message, begin) {
							return true
						}
					}
					return false
				}
			}
			sessiontest.Eventually(t, watchTime, "the log says it", said(c.want))
			if problem := store.WatchProblem(); !strings.HasPrefix(problem, c.want) || !strings.Contains(problem, "ACL SETUSER stagedoor ") {
				t.Errorf("WatchProblem: %q", problem)
			}
			if store.Watching() != (c.name == "CLIENT TRACKING") {
				t.Errorf("Watching: %v", store.Watching())
			}
			do(t, server, "ACL", "SETUSER", "stagedoor", c.give)
			do(t, server, "CLIENT", "KILL", "TYPE", "pubsub")
			sessiontest.Eventually(t, watchTime, "the log says that it works", said("Redis tells of changes again"))
			sessiontest.Eventually(t, watchTime, "it works", func() bool {
				return store.WatchProblem() == "" && store.Watching()
			})
			if count := len(lines.All()); count != 2 {
				t.Errorf("the log has %d lines: %v", count, lines.All())
			}
		})
	}
}
