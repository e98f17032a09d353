package fault

import (
	"net/http"
	"net/http/httptest"

	"stagedoor/e2e/faultproxy"
	"stagedoor/e2e/stage"
)

// stand puts the gauge before the token endpoint.
func (g *tokenGauge) stand(w *stage.World) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		g.add(1)
		defer g.add(-1)
		w.Spotify.ServeHTTP(rw, r)
	}))
	w.T.Cleanup(server.Close)
	w.TokenURL = server.URL + "/api/token"
}

// beforeTokens puts a fault proxy before the token endpoint.
func beforeTokens(p **faultproxy.Proxy) func(*stage.World) {
	return func(w *stage.World) {
		*p = stage.ListenBefore(w.T, w.Accounts.Listener.Addr().String())
		w.TokenURL = "http://" + (*p).Addr() + "/api/token"
	}
}
