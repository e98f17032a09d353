package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"stagedoor/e2e/faultproxy"
)

// stand puts the gauge before the token endpoint.
func (g *tokenGauge) stand(w *world) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		g.add(1)
		defer g.add(-1)
		w.spotify.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(server.Close)
	w.tokenURL = server.URL + "/api/token"
}

// listenBefore starts a fault proxy for the length of the test.
func listenBefore(t testing.TB, target string) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// beforeTokens puts a fault proxy before the token endpoint.
func beforeTokens(p **faultproxy.Proxy) func(*world) {
	return func(w *world) {
		*p = listenBefore(w.t, w.accounts.Listener.Addr().String())
		w.tokenURL = "http://" + (*p).Addr() + "/api/token"
	}
}

// beforeRedis puts a fault proxy before Redis.
func beforeRedis(p **faultproxy.Proxy) func(*world) {
	return func(w *world) {
		*p = listenBefore(w.t, w.redis.Addr())
		w.store = fmt.Sprintf("addresses: [%q]", (*p).Addr())
	}
}
