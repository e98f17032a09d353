package session_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// watchTime bounds how long news of a deletion may take in these tests; the machine may be busy.
const watchTime = 20 * time.Second

func TestRedisKeyLayout(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := sessiontest.OpenRedis(t, server.Config())
	m := newManager(t, session.Options{Store: store, Leases: store})
	b := &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	id := b.cookies["stagedoor"]
	state := b.mustBegin(t, m, "text")
	value := b.cookies[loginCookie(state)]
	if _, err := b.finish(m, state); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Acquire(t.Context(), "session:"+sha256Hex(id), "holder", time.Minute); err != nil {
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
	user, account := sha256.Sum256([]byte("\x00ada")), sha256.Sum256([]byte("\x00account\x00acc-1"))
	want := []string{
		"stagedoor:{index:" + base64.RawURLEncoding.EncodeToString(user[:16]) + "}",
		"stagedoor:{login:" + sha256Hex(state) + "}",
		"stagedoor:{name:" + hex.EncodeToString(account[:])[:3] + "}",
		"stagedoor:{name:" + sha256Hex(id)[:3] + "}",
		"stagedoor:{session:" + sha256Hex(id) + "}",
		"stagedoor:{session:" + sha256Hex(id) + "}:lease",
		"stagedoor:{trace:" + sha256Hex(id)[:3] + "}",
	}
	slices.Sort(keys)
	slices.Sort(want)
	want = slices.Compact(want) // two names may share their list
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

// deletions are the keys that a store has told a Watcher of.
type deletions struct{ keys sync.Map }

func (d *deletions) Gone(key string) { d.keys.Store(key, true) }
func (*deletions) Changed(string)    {}
func (*deletions) Missed()           {}
func (*deletions) Lost()             {}

func (d *deletions) heard(key string) bool {
	_, heard := d.keys.Load(key)
	return heard
}

// listen lets the store tell of deletions until the test ends.
func listen(t *testing.T, store *redisstore.Store) *deletions {
	t.Helper()
	d := &deletions{}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { store.Watch(ctx, d) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return d
}

// A session that ended on one replica is served by no other, even if Redis goes down right afterwards.
func TestRedisWatchEndsRecentCopies(t *testing.T) {
	server := sessiontest.StartRedis(t)
	open := func() *session.Manager {
		store := sessiontest.OpenRedis(t, server.Config())
		return newManager(t, session.Options{Store: store, Leases: store, Watch: store.Watch})
	}
	here, other, b := open(), open(), &browser{}
	w := listen(t, sessiontest.OpenRedis(t, server.Config()))
	b.logIn(t, here, goodFor(time.Hour))
	still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
	sessiontest.Eventually(t, watchTime, "all three watch", func() bool {
		reply, err := server.Do("PUBSUB", "NUMSUB", "stagedoor:deleted")
		list, ok := reply.([]any)
		return err == nil && ok && list[1] == int64(3)
	})
	mustPeek(t, other, still)
	if err := b.logOut(here); err != nil {
		t.Fatal(err)
	}
	sessiontest.Eventually(t, watchTime, "the logout is heard of", func() bool { return w.heard(still.key()) })
	server.Stop()
	sessiontest.Eventually(t, watchTime, "the other replica has heard, too", func() bool {
		_, err := peek(other, still)
		return err != nil
	})
}

// Sessions that were just seen need no look into the store, until something changes.
func TestRedisIsNotAskedForWhatItWouldTell(t *testing.T) {
	server := sessiontest.StartRedis(t)
	open := func() (*session.Manager, *countingStore) {
		redis := sessiontest.OpenRedis(t, server.Config())
		store := &countingStore{Store: redis}
		return newManager(t, session.Options{Store: store, Leases: redis, Watch: redis.Watch}), store
	}
	here, asked := open()
	other, _ := open()
	b := &browser{}
	b.logIn(t, other, goodFor(time.Hour))
	sessiontest.Eventually(t, watchTime, "a session is served without a look into Redis", func() bool {
		before := asked.loads.Load()
		for range 20 {
			mustPeek(t, here, b)
		}
		return asked.loads.Load()-before < 2
	})
	still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
	if err := b.logOut(other); err != nil {
		t.Fatal(err)
	}
	sessiontest.Eventually(t, watchTime, "the logout is heard of", func() bool {
		_, err := peek(here, still)
		return errors.Is(err, session.ErrNoSession)
	})
}

// countingStore counts how often it is asked for an entry.
type countingStore struct {
	session.Store
	loads atomic.Int64
}

func (s *countingStore) Load(ctx context.Context, key string) (session.Entry, error) {
	s.loads.Add(1)
	return s.Store.Load(ctx, key)
}
