package fault

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// overHTTP2 puts a TLS server that speaks HTTP/2 before the simulator, as Spotify's edge does, and returns its host:port.
func overHTTP2(w *stage.World) string {
	w.T.Helper()
	certFile, keyFile, _ := stage.SelfSigned(w.T)
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		w.T.Fatal(err)
	}
	edge := httptest.NewUnstartedServer(w.Spotify)
	edge.EnableHTTP2, edge.TLS = true, &tls.Config{Certificates: []tls.Certificate{certificate}}
	edge.StartTLS()
	w.T.Cleanup(edge.Close)
	w.Env = append(w.Env, "SSL_CERT_FILE="+certFile)
	return edge.Listener.Addr().String()
}

// connectionsDieSilently lets packets of open connections vanish while new connections work, one peer after the other.
func connectionsDieSilently(r *trial) {
	frontend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r.Cleanup(frontend.Close)
	near := stage.ListenBefore(r, frontend.Listener.Addr().String())
	routes := fmt.Sprintf("\n  - {path: /api/, upstream: spotify, credentials: user}\n  - {path: /, upstream: \"http://%s\"}\n", near.Addr())
	var api, tokens, store *faultproxy.Proxy
	w := stage.NewWorld(r, stage.Options{Users: 8, Routes: routes, Prepare: func(w *stage.World) {
		edge := overHTTP2(w)
		api, tokens = stage.ListenBefore(w.T, edge), stage.ListenBefore(w.T, edge)
		w.APIURL, w.TokenURL = "https://"+api.Addr()+"/v1", "https://"+tokens.Addr()+"/api/token"
		stage.BeforeRedis(&store)(w)
	}})
	crowd := w.Crowd(8)
	r.loaded("8 sessions, 24 requests at once all the time; packets of all open connections vanish, with no FIN or RST, and new connections work")
	for _, c := range []struct {
		peer, path string
		network    *faultproxy.Proxy
		also       func()
	}{
		{"the Web API over HTTP/2", "/api/me", api, func() {}},
		{"the token endpoint over HTTP/2", "/api/me", tokens, func() { w.Spotify.ExpireAccessTokens() }},
		{"a frontend over HTTP/1.1", "/", near, func() {}},
		{"Redis", "/api/me", store, func() {}},
	} {
		stage.NewHistory().AllAsk(crowd, 3, c.path)
		h, begin := stage.NewHistory(), time.Now()
		c.network.Silence()
		c.also()
		for whole := false; !whole && time.Since(begin) < time.Minute; {
			round := stage.NewHistory()
			round.AllAsk(crowd, 3, c.path)
			whole = round.Count(stage.OK) == round.Count()
			add(h, round)
		}
		took := time.Since(begin)
		// A refresh that failed is tried again after a moment.
		r.expect("requests succeed again after 10 s of silence, a failed refresh after 3 s more", took < r.within(13*time.Second), "%s: they did after %v", c.peer, took)
		r.expect("meanwhile 200, 502, or 503 with Retry-After, never 401", h.Count(stage.OK, "502 UPSTREAM_UNREACHABLE", stage.TokenEndpoint, stage.StoreAway) == h.Count(), "%s: %v", c.peer, h)
		lawful(h, r)
		r.measure("%s: %s until requests succeed again; %v", c.peer, seconds(took), h)
	}
	store.Silence() // sessions that were just seen do not need Redis; a logout does
	h, begin := stage.NewHistory(), time.Now()
	sessiontest.Eventually(r, 30*time.Second, "a logout succeeds", func() bool {
		return h.Ask(crowd[0], http.MethodPost, "/auth/logout", "") == "204"
	})
	r.expect("requests succeed again after 10 s of silence, a failed refresh after 3 s more", time.Since(begin) < r.within(10*time.Second), "a logout did after %v", time.Since(begin))
	lawful(h, r)
	r.measure("a logout without Redis: %s until it succeeds; %v", seconds(time.Since(begin)), h)
}

// edgeDrains has nginx, as a TLS edge, end each connection behind 20 requests.
func edgeDrains(r *trial) {
	const requests, clients = 600, 16
	var address string
	w := stage.NewWorld(r, stage.Options{Spotify: "scopes: [user-read-private, playlist-read-private, playlist-modify-private]", Prepare: func(w *stage.World) {
		address = edgeOfNginx(w, "keepalive_requests 20;")
		w.APIURL = "https://" + address + "/v1"
	}})
	v := w.Visitor()
	v.Login("ada")
	f := stage.Fan{Visitor: v, User: "ada"}
	r.loaded("%d PUTs with a body, %d at a time, over HTTP/2 to nginx with keepalive_requests 20", requests, clients)
	var list struct{ ID string }
	created := v.Do(http.MethodPost, "/api/me/playlists", `{"name":"first","public":false}`, "Content-Type", "application/json")
	created.Expect(r, "a playlist", http.StatusCreated, "")
	created.Decode(r, &list)
	w.Spotify.ForgetSeen()
	h := stage.NewHistory()
	var next atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for next.Add(1) <= requests {
				h.Ask(f, http.MethodPut, "/api/playlists/"+list.ID, `{"name":"another"}`, "Content-Type", "application/json")
			}
		})
	}
	all.Wait()
	seen := w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodPut}})
	r.expect("no request fails", h.Count(stage.OK) == requests, "%v", h)
	r.expect("each is carried out once", len(seen) == requests, "%d of %d came", len(seen), requests)
	r.measure("%v; %d came to the Web API", h, len(seen))
	lawful(h, r)
}

// edgeOfNginx puts nginx before the simulator, with TLS and HTTP/2, and returns its host:port.
func edgeOfNginx(w *stage.World, settings string) string {
	w.T.Helper()
	certFile, keyFile, _ := stage.SelfSigned(w.T)
	w.Env = append(w.Env, "SSL_CERT_FILE="+certFile)
	address := sessiontest.FreeAddress(w.T)
	stage.StartNginx(w.T, address, fmt.Sprintf(`server {
listen %s ssl http2;
ssl_certificate %s; ssl_certificate_key %s;
%s
location / { proxy_pass %s; proxy_http_version 1.1; proxy_set_header Connection ""; }
}`, address, certFile, keyFile, settings, w.Accounts.URL))
	return address
}
