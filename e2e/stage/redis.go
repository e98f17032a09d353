package stage

import (
	"fmt"
	"strings"
	"testing"

	"stagedoor/e2e/faultproxy"
)

// GatewayUser is whom the gateways log in to Redis as, so that their password can become wrong.
const GatewayUser = "gateway"

// Keys lists the keys in Redis that match a pattern, but for those with which a replica looks now and then whether its store is well.
func (w *World) Keys(pattern string) []string {
	w.T.Helper()
	reply, err := w.Redis.Do("KEYS", pattern)
	if err != nil {
		w.T.Fatal(err)
	}
	var keys []string
	for _, key := range reply.([]any) {
		if !strings.Contains(key.(string), "probe") {
			keys = append(keys, key.(string))
		}
	}
	return keys
}

// SessionKeys lists the keys of the sessions that Redis has, but not of the leases on them.
func (w *World) SessionKeys() []string { return w.Keys("stagedoor:{session:*}") }

// LeaseKeys lists the keys of the leases on sessions.
func (w *World) LeaseKeys() []string { return w.Keys("stagedoor:{session:*}:lease") }

// Forget deletes the keys that match a pattern, as no gateway would, and tells how many there were.
func (w *World) Forget(pattern string) int {
	w.T.Helper()
	keys := w.Keys(pattern)
	for _, key := range keys {
		if _, err := w.Redis.Do("DEL", key); err != nil {
			w.T.Fatal(err)
		}
	}
	return len(keys)
}

// RedisDo sends Redis a command as a user who may do everything, and returns its reply.
func (w *World) RedisDo(command ...string) any {
	w.T.Helper()
	reply, err := w.Redis.Do(command...)
	if err != nil {
		w.T.Fatalf("%.60q: %v", command, err)
	}
	return reply
}

// ListenBefore starts a fault proxy for the length of the test.
func ListenBefore(t testing.TB, target string) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// BeforeRedis puts a fault proxy before Redis.
func BeforeRedis(p **faultproxy.Proxy) func(*World) {
	return func(w *World) {
		*p = ListenBefore(w.T, w.Redis.Addr())
		w.Store = fmt.Sprintf("addresses: [%q]", (*p).Addr())
	}
}
