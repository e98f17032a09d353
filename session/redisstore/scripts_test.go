package redisstore_test

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// openBehind connects to a server through a proxy that harms the connections.
func openBehind(t *testing.T, server *sessiontest.RedisServer, change func(*redisstore.Config)) (*redisstore.Store, *faultproxy.Proxy) {
	t.Helper()
	proxy, err := faultproxy.Listen(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	config := server.Config()
	config.Addresses = []string{proxy.Addr()}
	change(&config)
	return sessiontest.OpenRedis(t, config), proxy
}

// A command whose answer is lost with its connection is sent again, and answered as it would have been.
func TestRedisRepeatedCommand(t *testing.T) {
	t.Parallel()
	server := sessiontest.StartRedis(t)
	store, proxy := openBehind(t, server, func(*redisstore.Config) {})
	warmUp := openWithEntry(t, server) // so that Redis knows the scripts, and carries them out at the first word
	wantWorks(t, warmUp)
	one := session.Entry{Version: 1, Data: []byte("one")}
	value := func(key string) any {
		reply, err := server.Do("GET", key)
		if err != nil {
			t.Error(err)
		}
		return reply
	}
	loseAnswer := func(what, key string, want bool, call func() (bool, error)) {
		t.Helper()
		if err := store.Ping(t.Context()); err != nil { // there is a connection to lose
			t.Fatal(err)
		}
		before := value(key)
		proxy.Set(faultproxy.Fault{HoldAnswers: true})
		done := make(chan struct{})
		go func() {
			defer close(done)
			if got, err := call(); got != want || err != nil {
				t.Errorf("%s: got %v, %v, want %v", what, got, err, want)
			}
		}()
		sessiontest.Eventually(t, watchTime, "Redis has carried it out", func() bool { return fmt.Sprint(value(key)) != fmt.Sprint(before) })
		proxy.Cut()
		proxy.Set(faultproxy.Fault{})
		<-done
	}
	save := func(e session.Entry, holder string) func() (bool, error) {
		return func() (bool, error) { return true, store.Save(t.Context(), "key", e, time.Minute, holder) }
	}
	loseAnswer("create", "stagedoor:{key}", true, save(one, ""))
	loseAnswer("take the lease", "stagedoor:{key}:lease", true, func() (bool, error) {
		return store.Acquire(t.Context(), "key", "holder", time.Minute)
	})
	loseAnswer("replace", "stagedoor:{key}", true, save(session.Entry{Version: 2, Data: []byte("two")}, "holder"))
	loseAnswer("release the lease", "stagedoor:{key}:lease", true, func() (bool, error) {
		return true, store.Release(t.Context(), "key", "holder")
	})
	loseAnswer("delete", "stagedoor:{key}", true, func() (bool, error) { return store.Delete(t.Context(), "key") })
	if deleted, err := store.Delete(t.Context(), "key"); deleted || err != nil {
		t.Errorf("another deletion: got %v, %v, want false", deleted, err)
	}
}

// A full Redis rejects logins. Sessions are served, refreshed and ended, and ends are heard of.
func TestRedisFull(t *testing.T) {
	t.Parallel()
	server := sessiontest.StartRedis(t)
	store := openWithEntry(t, server)
	w := startWatcher(t, sessiontest.OpenRedis(t, server.Config()))
	w.await(t, store, "first")
	do(t, server, "CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")
	err := store.Save(t.Context(), "new", session.Entry{Version: 1, Data: []byte("one")}, time.Hour, "")
	wantError(t, "a new entry", err, session.ErrStoreUnavailable)
	if got := redisstore.Reason(err); got != "Redis says OOM" {
		t.Errorf("the operator is told %q", got)
	}
	if err := store.Put(t.Context(), "list", map[string][]byte{"field": []byte("value")}, time.Hour); err != nil {
		t.Errorf("the list of a session that lives on: %v", err)
	}
	wantBack(t, store)
	wantWorks(t, store)
	sessiontest.Eventually(t, watchTime, "the deletion is heard of", func() bool { return w.times("key") > 0 })
}

// wantWorks refreshes and ends the entry of openWithEntry.
func wantWorks(t *testing.T, store *redisstore.Store) {
	t.Helper()
	if held, err := store.Acquire(t.Context(), "key", "holder", time.Minute); !held || err != nil {
		t.Errorf("Acquire: got %v, %v", held, err)
	}
	two := session.Entry{Version: 2, Data: []byte("two")}
	if err := store.Save(t.Context(), "key", two, time.Hour, "holder"); err != nil {
		t.Errorf("Save: %v", err)
	}
	if err := store.Release(t.Context(), "key", "holder"); err != nil {
		t.Errorf("Release: %v", err)
	}
	if e, err := store.Load(t.Context(), "key"); err != nil || string(e.Data) != "two" {
		t.Errorf("Load: got %q, %v", e.Data, err)
	}
	if deleted, err := store.Delete(t.Context(), "key"); !deleted || err != nil {
		t.Errorf("Delete: got %v, %v", deleted, err)
	}
}

// Redis 6 does not know the flags of scripts, and works without them.
func TestRedisWithoutScriptFlags(t *testing.T) {
	t.Parallel()
	server := sessiontest.StartRedis(t)
	openWithEntry(t, server)
	config := server.Config()
	config.Addresses = []string{withoutScriptFlags(t, server.Addr())}
	wantWorks(t, sessiontest.OpenRedis(t, config))
}

// withoutScriptFlags is the address of a proxy that answers a script with flags as Redis 6.2 does.
func withoutScriptFlags(t *testing.T, server string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	pass := func(client net.Conn) {
		defer func() { _ = client.Close() }()
		upstream, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer func() { _ = upstream.Close() }()
		request, answer := make([]byte, 64<<10), make([]byte, 64<<10)
		for {
			n, err := client.Read(request)
			if err != nil {
				return
			}
			reply := []byte("-ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'\r\n")
			if !bytes.Contains(request[:n], []byte("#!lua")) {
				if _, err := upstream.Write(request[:n]); err != nil {
					return
				}
				if n, err = upstream.Read(answer); err != nil { // all commands and answers here are short
					return
				}
				reply = answer[:n]
			}
			if _, err := client.Write(reply); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go pass(client)
		}
	}()
	return listener.Addr().String()
}
