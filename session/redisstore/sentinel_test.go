package redisstore_test

import (
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
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
	config.Timeout = redisstore.DefaultConfig().Timeout
	store, other := sessiontest.OpenRedis(t, config), sessiontest.OpenRedis(t, config)
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

// Sentinels that ask for a login get their own, and what is wrong with it is told by the names of their own keys.
func TestRedisSentinelLogin(t *testing.T) {
	t.Parallel()
	master := sessiontest.StartRedis(t)
	sentinel := sessiontest.StartSentinel(t, "main", master)
	do(t, sentinel, "ACL", "SETUSER", "finder", "on", ">finder's", "resetchannels", "allchannels", "-@all", "+ping", "+subscribe",
		"+sentinel|get-master-addr-by-name", "+sentinel|sentinels")
	do(t, sentinel, "ACL", "SETUSER", "nobody", "on", ">nobody's", "-@all", "+ping")
	open := func(change func(*redisstore.Config)) *redisstore.Store {
		config := sentinel.Config()
		config.SentinelMaster = "main"
		change(&config)
		return sessiontest.OpenRedis(t, config)
	}
	login := func(username, password string) func(*redisstore.Config) {
		return func(c *redisstore.Config) {
			c.SentinelUsername, c.SentinelPassword = username, secret.New(password)
		}
	}
	const down = "fault: Redis does not answer: "
	expectProblem := func(name string, change func(*redisstore.Config), want string) {
		t.Helper()
		t.Log(name)
		store := open(change)
		expectFindings(t, store.Inspect(t.Context()), []string{down + "…" + want})
		_, err := store.Load(t.Context(), "key")
		wantError(t, name, err, session.ErrStoreUnavailable) // and no session is taken for ended
	}
	expectProblem("another master", func(c *redisstore.Config) { c.SentinelMaster = "mian" }, "correct redis.sentinel_master")
	do(t, sentinel, "ACL", "SETUSER", "default", "resetpass", ">sentinels'") // what requirepass does
	for name, right := range map[string]func(*redisstore.Config){"password": login("", "sentinels'"), "user": login("finder", "finder's")} {
		if err := open(right).Ping(t.Context()); err != nil {
			t.Errorf("with the right %s: %v", name, err)
		}
	}
	expectProblem("no password", func(c *redisstore.Config) {}, "set redis.sentinel_password")
	expectProblem("a wrong password", login("", "hunter2"), "correct redis.sentinel_username and sentinel_password")
	expectProblem("a user without rights", login("nobody", "nobody's"), "let the user of redis.sentinel_username")
}
