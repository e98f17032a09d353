package redisstore_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// outageTime bounds the answer of an unavailable store: its timeout, and room for a busy machine, but below the 2s that
// a browser may wait.
const outageTime = 2 * time.Second

// wantOutage makes every call of the store, and wants ErrStoreUnavailable from each in time.
func wantOutage(t *testing.T, store *redisstore.Store) {
	t.Helper()
	wantWritesRefused(t, store)
	for name, call := range map[string]func(context.Context) error{
		"Load": func(ctx context.Context) error { _, err := store.Load(ctx, "key"); return err },
		"Ping": store.Ping,
	} {
		wantUnavailableStore(t, name, call)
	}
}

// wantWritesRefused is wantOutage for the calls that write.
func wantWritesRefused(t *testing.T, store *redisstore.Store) {
	t.Helper()
	for name, call := range map[string]func(context.Context) error{
		"Save": func(ctx context.Context) error {
			return store.Save(ctx, "key", session.Entry{Version: 2, Data: []byte("two")}, time.Minute, "")
		},
		"Delete": func(ctx context.Context) error { _, err := store.Delete(ctx, "key"); return err },
		"Acquire": func(ctx context.Context) error {
			_, err := store.Acquire(ctx, "key", "holder", time.Minute)
			return err
		},
		"Release": func(ctx context.Context) error { return store.Release(ctx, "leased", "holder") },
	} {
		wantUnavailableStore(t, name, call)
	}
}

func wantUnavailableStore(t *testing.T, name string, call func(context.Context) error) {
	t.Helper()
	begin := time.Now()
	err := call(t.Context())
	wantError(t, name, err, session.ErrStoreUnavailable)
	if took := time.Since(begin); took > outageTime {
		t.Errorf("%s took %v to say that the store is unavailable", name, took)
	}
}

// openWithEntry connects with the timeout that a production has, to a server that works, and saves an entry and a lease.
func openWithEntry(t *testing.T, server *sessiontest.RedisServer) *redisstore.Store {
	t.Helper()
	roomy := sessiontest.OpenRedis(t, server.Config())
	if err := roomy.Save(t.Context(), "key", session.Entry{Version: 1, Data: []byte("one")}, time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	if held, err := roomy.Acquire(t.Context(), "leased", "holder", time.Hour); !held || err != nil {
		t.Fatal(held, err)
	}
	config := server.Config()
	config.Timeout = redisstore.DefaultConfig().Timeout
	return sessiontest.OpenRedis(t, config)
}

// wantBack waits until the store works again, with its entry as it was.
func wantBack(t *testing.T, store *redisstore.Store) {
	t.Helper()
	sessiontest.Eventually(t, watchTime, "the store works again", func() bool { return store.Ping(t.Context()) == nil })
	sessiontest.Eventually(t, watchTime, "the entry is there", func() bool {
		e, err := store.Load(t.Context(), "key")
		return err == nil && e.Version == 1 && string(e.Data) == "one"
	})
}

func TestRedisStopped(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := openWithEntry(t, server)
	server.Stop()
	wantOutage(t, store)
	server.Start()
	wantBack(t, store)
}

// A restart between two requests is no outage: the pooled connection is cut, and the client takes a new one.
func TestRedisRestarted(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := sessiontest.OpenRedis(t, server.Config())
	if err := store.Save(t.Context(), "key", session.Entry{Version: 1}, time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	server.Start()
	if _, err := store.Load(t.Context(), "key"); err != nil {
		t.Errorf("the first command after a restart: %v", err)
	}
}

// A server that hangs accepts connections and says nothing.
func TestRedisHanging(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := openWithEntry(t, server)
	wantBack(t, store)
	server.Pause()
	for range 3 { // the pool must not fill up with connections that hang
		begin := time.Now()
		_, err := store.Load(t.Context(), "key")
		wantError(t, "Load", err, session.ErrStoreUnavailable)
		if took := time.Since(begin); took > outageTime {
			t.Errorf("it took %v", took)
		}
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	_, err := store.Load(left, "key")
	wantError(t, "a caller that left", err, context.Canceled)
	server.Resume()
	wantBack(t, store)
}

// After an outage with many requests, the first command finds Redis back.
func TestRedisIsFoundAtOnce(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := openWithEntry(t, server)
	server.Stop()
	var group sync.WaitGroup
	for range 200 { // more than the pool has connections
		group.Go(func() {
			if err := store.Ping(t.Context()); err == nil {
				t.Error("a stopped Redis answers")
			}
		})
	}
	group.Wait()
	server.Start()
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("the first command after the outage: %v", err)
	}
}

func TestRedisNeverThere(t *testing.T) {
	config := redisstore.DefaultConfig()
	config.Addresses = []string{sessiontest.FreeAddress(t)}
	wantOutage(t, sessiontest.OpenRedis(t, config))
	config.Addresses = []string{"stagedoor.invalid:6379"}
	wantOutage(t, sessiontest.OpenRedis(t, config))
}

func TestRedisPassword(t *testing.T) {
	server := sessiontest.StartRedis(t, "--requirepass", "correct horse")
	config := server.Config()
	config.Password = secret.New("correct horse")
	if err := sessiontest.OpenRedis(t, config).Ping(t.Context()); err != nil {
		t.Errorf("with the password: %v", err)
	}
	for _, wrong := range []string{"", "battery staple"} {
		config.Password = secret.New(wrong)
		store := sessiontest.OpenRedis(t, config)
		wantOutage(t, store)
		if err := store.Ping(t.Context()); wrong != "" && strings.Contains(err.Error(), wrong) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// New connections log in with the password of the moment.
func TestRedisSetLogin(t *testing.T) {
	server := sessiontest.StartRedis(t, "--requirepass", "correct horse")
	config := server.Config()
	config.Password = secret.New("battery staple")
	store := sessiontest.OpenRedis(t, config)
	wantOutage(t, store)
	store.SetLogin("", secret.New("correct horse"))
	sessiontest.Eventually(t, 10*time.Second, "Redis takes the new password", func() bool { return store.Ping(t.Context()) == nil })
}

func TestRedisUsernameAndDatabase(t *testing.T) {
	server := sessiontest.StartRedis(t, "--user", "stagedoor", "on", ">secret", "~stagedoor:*", "&stagedoor:*", "+@all")
	config := server.Config()
	config.Username, config.Password, config.Database = "stagedoor", secret.New("secret"), 3
	store := sessiontest.OpenRedis(t, config)
	if err := store.Save(t.Context(), "key", session.Entry{Version: 1}, time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	if size, err := server.Do("DBSIZE"); size != int64(0) || err != nil {
		t.Errorf("database 0 has %v keys, %v", size, err)
	}
	if deleted, err := store.Delete(t.Context(), "key"); !deleted || err != nil {
		t.Errorf("deleting in database 3: %v, %v", deleted, err)
	}
	config.KeyPrefix = "foreign:" // which the server does not allow this user
	wantError(t, "a foreign key", sessiontest.OpenRedis(t, config).Save(t.Context(), "key", session.Entry{Version: 1}, time.Hour, ""),
		session.ErrStoreUnavailable)
}

// A master that was made a replica refuses writes, and goes on to answer reads.
func TestRedisReadOnly(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := openWithEntry(t, server)
	_, port, _ := strings.Cut(sessiontest.FreeAddress(t), ":")
	if _, err := server.Do("REPLICAOF", "127.0.0.1", port); err != nil {
		t.Fatal(err)
	}
	wantWritesRefused(t, store)
	wantBack(t, store)
}

// A server that still reads its file knows nothing about any session: none is ended by that.
func TestRedisLoading(t *testing.T) {
	server := sessiontest.StartRedis(t, "--enable-debug-command", "local", "--rdbcompression", "no",
		"--loading-process-events-interval-bytes", "1024") // between any two of the keys below it answers
	store := openWithEntry(t, server)
	for _, command := range [][]string{
		{"DEBUG", "POPULATE", "1000", "filler", "2048"}, {"CONFIG", "SET", "key-load-delay", "50000"},
	} {
		if _, err := server.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	reloaded := make(chan struct{})
	go func() {
		defer close(reloaded)
		_, _ = server.Do("DEBUG", "RELOAD") // it answers when the delay is taken away
	}()
	sessiontest.Eventually(t, watchTime, "the server is loading", func() bool {
		_, err := server.Do("GET", "key")
		return err != nil && strings.HasPrefix(err.Error(), "LOADING")
	})
	wantUnavailableStore(t, "Load", func(ctx context.Context) error { _, err := store.Load(ctx, "key"); return err })
	if _, err := server.Do("CONFIG", "SET", "key-load-delay", "0"); err != nil {
		t.Fatal(err)
	}
	<-reloaded
	wantBack(t, store)
}
