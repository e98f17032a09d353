package session_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

func TestRedis(t *testing.T) {
	server := sessiontest.StartRedis(t)
	sessiontest.TestStore(t, func(t *testing.T) (session.Store, session.Leases, func(time.Duration)) {
		config := server.Config()
		config.KeyPrefix = t.Name() + ":" // an empty store for every test
		store := openRedis(t, config)
		return store, store, server.Advance
	})
}

func TestRedisLists(t *testing.T) {
	server := sessiontest.StartRedis(t)
	sessiontest.TestLists(t, func(t *testing.T) (sessiontest.Whole, func(time.Duration)) {
		config := server.Config()
		config.KeyPrefix = t.Name() + ":"
		return openRedis(t, config), server.Advance
	})
}

func TestRedisClusterLists(t *testing.T) {
	nodes, n := sessiontest.StartRedisCluster(t, 3), 0
	config := session.DefaultRedisConfig()
	config.Addresses = nil
	for _, node := range nodes {
		config.Addresses = append(config.Addresses, node.Addr())
	}
	sessiontest.TestLists(t, func(t *testing.T) (sessiontest.Whole, func(time.Duration)) {
		n++
		config.KeyPrefix = fmt.Sprint("test", n, ":")
		return openRedis(t, config), func(d time.Duration) {
			for _, node := range nodes {
				node.Advance(d)
			}
		}
	})
	t.Run("a scan fails when a part of the cluster is away", func(t *testing.T) {
		store := openRedis(t, config)
		nodes[2].Stop()
		if err := store.Scan(t.Context(), "", func([]string) error { return nil }); !errors.Is(err, session.ErrStoreUnavailable) {
			t.Errorf("the scan answers %v", err)
		}
	})
}

// openRedis connects to Redis for the length of the test.
func openRedis(t *testing.T, config session.RedisConfig) *session.Redis {
	t.Helper()
	store, err := session.NewRedis(config, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close the connections: %v", err)
		}
	})
	return store
}

func TestRedisTakesItsClockFromTheServer(t *testing.T) {
	store := openRedis(t, sessiontest.StartRedis(t).Config())
	if err := store.Save(t.Context(), "key", session.Entry{Version: 1}, time.Millisecond, ""); err != nil {
		t.Fatal(err)
	}
	sessiontest.Eventually(t, 5*time.Second, "an entry of a millisecond is gone", func() bool {
		_, err := store.Load(t.Context(), "key")
		return err != nil
	})
}

func TestRedisKeyLayout(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := openRedis(t, server.Config())
	m := newManager(t, session.Options{Store: store, Leases: store})
	b := &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	id := b.cookies["stagedoor"]
	state := b.mustBegin(t, m, "text")
	value := b.cookies[loginCookie(state)]
	if _, err := b.finish(m, state); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Hold(t.Context(), "session:"+sha256Hex(id), "holder", time.Minute); err != nil {
		t.Fatal(err)
	}
	reply, err := server.Do("KEYS", "*")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, key := range reply.([]any) {
		keys = append(keys, key.(string))
	}
	user := sha256.Sum256([]byte("\x00ada"))
	want := []string{
		"stagedoor:{index:" + base64.RawURLEncoding.EncodeToString(user[:16]) + "}",
		"stagedoor:{login:" + sha256Hex(state) + "}",
		"stagedoor:{session:" + sha256Hex(id) + "}",
		"stagedoor:{session:" + sha256Hex(id) + "}:lease",
	}
	slices.Sort(keys)
	if !slices.Equal(keys, want) {
		t.Errorf("the keys are\n%q, want\n%q", keys, want)
	}
	for _, key := range keys {
		ttl, err := server.Do("PTTL", key)
		if left, ok := ttl.(int64); err != nil || !ok || left <= 0 {
			t.Errorf("%s never expires: %v, %v", key, ttl, err)
		}
	}
	wantNothingInside(t, server, keys, id, state, value, "access-", "refresh-", "Ada")
}

// wantNothingInside searches a dump of Redis for what it must not know.
func wantNothingInside(t *testing.T, server *sessiontest.RedisServer, keys []string, secrets ...string) {
	t.Helper()
	dump := strings.Join(keys, " ")
	for _, key := range keys {
		value, err := server.Do("GET", key)
		if err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE") {
			value, err = server.Do("HGETALL", key)
		}
		if err != nil {
			t.Fatal(err)
		}
		dump += fmt.Sprint(" ", value)
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(dump, secret) {
			t.Errorf("Redis knows %q", secret)
		}
	}
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// What somebody else has written under a key of ours is no entry, and does not stand in the way of one.
func TestRedisForeignValue(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := openRedis(t, server.Config())
	if _, err := server.Do("SET", "stagedoor:{key}", "junk"); err != nil {
		t.Fatal(err)
	}
	_, err := store.Load(t.Context(), "key")
	wantError(t, "load", err, session.ErrAbsent)
	if err := store.Save(t.Context(), "key", session.Entry{Version: 1, Data: []byte("ours")}, time.Minute, ""); err != nil {
		t.Fatalf("save: %v", err)
	}
	if e, err := store.Load(t.Context(), "key"); err != nil || string(e.Data) != "ours" {
		t.Errorf("got %q, %v", e.Data, err)
	}
}
