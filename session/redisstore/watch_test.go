package redisstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// watchTime bounds how long news of a deletion may take in these tests; the machine may be busy.
const watchTime = 20 * time.Second

// watcher collects what a store hears of.
type watcher struct {
	mu      sync.Mutex // guards what follows
	heard   map[string]int
	changed map[string]int
	missed  int
	lost    int
}

func (w *watcher) Gone(key string)    { w.count(func() { w.heard[key]++ }) }
func (w *watcher) Changed(key string) { w.count(func() { w.changed[key]++ }) }
func (w *watcher) Missed()            { w.count(func() { w.missed++ }) }
func (w *watcher) Lost()              { w.count(func() { w.lost++ }) }

func (w *watcher) count(one func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one()
}

// startWatcher lets the store watch until the test ends.
func startWatcher(t *testing.T, store *redisstore.Store) *watcher {
	t.Helper()
	w := &watcher{heard: map[string]int{}, changed: map[string]int{}}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { store.Watch(ctx, w) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return w
}

func (w *watcher) times(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard[key]
}

// gaps counts how often the watcher was told that it may have missed something.
func (w *watcher) gaps() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missed
}

// await deletes entries through another client until the watcher has heard of one: it may not listen yet.
func (w *watcher) await(t *testing.T, through *redisstore.Store, key string) {
	t.Helper()
	sessiontest.Eventually(t, watchTime, "the watcher hears of a deletion", func() bool {
		if err := through.Save(t.Context(), key, session.Entry{Version: 1}, time.Minute, ""); err == nil {
			_, _ = through.Delete(t.Context(), key) // after a restart the first command may still fail
		}
		return w.times(key) > 0
	})
}

func TestRedisWatchHearsOfDeletions(t *testing.T) {
	server := sessiontest.StartRedis(t)
	here, other := sessiontest.OpenRedis(t, server.Config()), sessiontest.OpenRedis(t, server.Config())
	w := startWatcher(t, here)
	w.await(t, other, "first")
	for _, key := range []string{"a key", "saved only", "another"} {
		if err := other.Save(t.Context(), key, session.Entry{Version: 1}, time.Minute, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a key", "a key", "never there", "another"} {
		if _, err := other.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	sessiontest.Eventually(t, watchTime, "the last deletion is heard of", func() bool { return w.times("another") > 0 })
	for key, want := range map[string]int{"a key": 1, "another": 1, "saved only": 0, "never there": 0} {
		if got := w.times(key); got != want {
			t.Errorf("heard %d times of %q, want %d", got, key, want)
		}
	}
}

// Programs that share a Redis do not hear of each other.
func TestRedisWatchKeepsToItsPrefix(t *testing.T) {
	server := sessiontest.StartRedis(t)
	config := server.Config()
	config.KeyPrefix = "another:"
	here, other, stranger := sessiontest.OpenRedis(t, server.Config()), sessiontest.OpenRedis(t, server.Config()), sessiontest.OpenRedis(t, config)
	w := startWatcher(t, here)
	w.await(t, other, "first")
	for _, store := range []*redisstore.Store{stranger, other} {
		if err := store.Save(t.Context(), "key", session.Entry{Version: 1}, time.Minute, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Delete(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
	}
	w.await(t, other, "last")
	if got := w.times("key"); got != 1 {
		t.Errorf("heard %d times of a key that both programs deleted, want 1", got)
	}
}

func TestRedisWatchSurvivesARestart(t *testing.T) {
	server := sessiontest.StartRedis(t)
	here, other := sessiontest.OpenRedis(t, server.Config()), sessiontest.OpenRedis(t, server.Config())
	w := startWatcher(t, here)
	w.await(t, other, "before")
	missed := w.gaps()
	for range 2 {
		server.Stop()
		server.Start()
	}
	w.await(t, other, "after")
	if w.gaps() == missed {
		t.Error("the watcher was not told that it may have missed something")
	}
}

func TestRedisWatchBeginsWithoutAServer(t *testing.T) {
	server := sessiontest.StartRedis(t)
	server.Stop()
	here, other := sessiontest.OpenRedis(t, server.Config()), sessiontest.OpenRedis(t, server.Config())
	w := startWatcher(t, here)
	if err := here.Ping(t.Context()); err == nil {
		t.Error("a stopped server answered")
	}
	server.Start()
	w.await(t, other, "key")
}

// Whatever changes an entry is heard of, also what no replica does: an operator's hand, time, and FLUSHALL.
func TestRedisWatchHearsOfChanges(t *testing.T) {
	server := sessiontest.StartRedis(t)
	here, other := sessiontest.OpenRedis(t, server.Config()), sessiontest.OpenRedis(t, server.Config())
	w := startWatcher(t, here)
	w.await(t, other, "first")
	changes := func(key string) func() bool {
		return func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.changed[key] > 0
		}
	}
	do := func(command ...string) {
		t.Helper()
		if _, err := server.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	do("SET", "stagedoor:{written}", "12345678")
	sessiontest.Eventually(t, watchTime, "a write is heard of", changes("written"))
	do("SET", "stagedoor:{short}", "12345678", "PX", "1")
	sessiontest.Eventually(t, watchTime, "an expiry is heard of", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.changed["short"] > 1 // once for the write
	})
	do("SET", "another:{foreign}", "12345678")
	do("SET", "stagedoor:{last}", "12345678")
	sessiontest.Eventually(t, watchTime, "the last write is heard of", changes("last"))
	if changes("foreign")() {
		t.Error("the watch hears of another program's entries")
	}
	gaps := w.gaps()
	do("FLUSHALL")
	sessiontest.Eventually(t, watchTime, "after FLUSHALL nothing is trusted, and then news comes again", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.lost > 0 && w.missed > gaps
	})
	do("SET", "stagedoor:{later}", "12345678")
	sessiontest.Eventually(t, watchTime, "a write after it is heard of", changes("later"))
}
