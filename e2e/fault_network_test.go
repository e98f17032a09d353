package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// overHTTP2 puts a TLS server that speaks HTTP/2 before the simulator, as Spotify's edge does, and returns its host:port.
func (w *world) overHTTP2() string {
	w.t.Helper()
	certFile, keyFile, _ := selfSigned(w.t)
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		w.t.Fatal(err)
	}
	edge := httptest.NewUnstartedServer(w.spotify)
	edge.EnableHTTP2, edge.TLS = true, &tls.Config{Certificates: []tls.Certificate{certificate}}
	edge.StartTLS()
	w.t.Cleanup(edge.Close)
	w.env = append(w.env, "SSL_CERT_FILE="+certFile)
	return edge.Listener.Addr().String()
}

// connectionsDieSilently lets packets of open connections vanish while new connections work, one peer after the other.
func connectionsDieSilently(r *trial) {
	frontend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r.Cleanup(frontend.Close)
	near := listenBefore(r, frontend.Listener.Addr().String())
	routes := fmt.Sprintf("\n  - {path: /api/, upstream: spotify, credentials: user}\n  - {path: /, upstream: \"http://%s\"}\n", near.Addr())
	var api, tokens, store *faultproxy.Proxy
	w := newWorld(r, options{users: 8, routes: routes, prepare: func(w *world) {
		edge := w.overHTTP2()
		api, tokens = listenBefore(w.t, edge), listenBefore(w.t, edge)
		w.apiURL, w.tokenURL = "https://"+api.Addr()+"/v1", "https://"+tokens.Addr()+"/api/token"
		beforeRedis(&store)(w)
	}})
	crowd := w.crowd(8)
	r.loaded("8 sessions, 24 requests at once all the time; packets of all open connections vanish, with no FIN or RST, and new connections work")
	for _, c := range []struct {
		peer, path string
		network    *faultproxy.Proxy
		also       func()
	}{
		{"the Web API over HTTP/2", "/api/me", api, func() {}},
		{"the token endpoint over HTTP/2", "/api/me", tokens, func() { w.spotify.ExpireAccessTokens() }},
		{"a frontend over HTTP/1.1", "/", near, func() {}},
		{"Redis", "/api/me", store, func() {}},
	} {
		newHistory().allAsk(crowd, 3, c.path)
		h, begin := newHistory(), time.Now()
		c.network.Silence()
		c.also()
		for whole := false; !whole && time.Since(begin) < time.Minute; {
			round := newHistory()
			round.allAsk(crowd, 3, c.path)
			whole = round.count(ok) == round.count()
			h.add(round)
		}
		took := time.Since(begin)
		// A refresh that failed is tried again after a moment.
		r.expect("requests succeed again after 10 s of silence, a failed refresh after 3 s more", took < r.within(13*time.Second), "%s: they did after %v", c.peer, took)
		r.expect("meanwhile 200, 502, or 503 with Retry-After, never 401", h.count(ok, "502 UPSTREAM_UNREACHABLE", tokenEndpoint, storeAway) == h.count(), "%s: %v", c.peer, h)
		h.lawful(r)
		r.measure("%s: %s until requests succeed again; %v", c.peer, seconds(took), h)
	}
	store.Silence() // sessions that were just seen do not need Redis; a logout does
	h, begin := newHistory(), time.Now()
	sessiontest.Eventually(r, 30*time.Second, "a logout succeeds", func() bool {
		return h.ask(crowd[0], http.MethodPost, "/auth/logout", "") == "204"
	})
	r.expect("requests succeed again after 10 s of silence, a failed refresh after 3 s more", time.Since(begin) < r.within(10*time.Second), "a logout did after %v", time.Since(begin))
	h.lawful(r)
	r.measure("a logout without Redis: %s until it succeeds; %v", seconds(time.Since(begin)), h)
}

// edgeDrains has nginx, as a TLS edge, end each connection behind 20 requests.
func edgeDrains(r *trial) {
	const requests, clients = 600, 16
	var address string
	w := newWorld(r, options{spotify: "scopes: [user-read-private, playlist-read-private, playlist-modify-private]", prepare: func(w *world) {
		address = w.edgeOfNginx("keepalive_requests 20;")
		w.apiURL = "https://" + address + "/v1"
	}})
	v := w.visitor()
	v.login("ada")
	f := fan{visitor: v, user: "ada"}
	r.loaded("%d PUTs with a body, %d at a time, over HTTP/2 to nginx with keepalive_requests 20", requests, clients)
	var list struct{ ID string }
	created := v.do(http.MethodPost, "/api/me/playlists", `{"name":"first","public":false}`, "Content-Type", "application/json")
	created.expect(r, "a playlist", http.StatusCreated, "")
	created.decode(r, &list)
	w.spotify.ForgetSeen()
	h := newHistory()
	var next atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for next.Add(1) <= requests {
				h.ask(f, http.MethodPut, "/api/playlists/"+list.ID, `{"name":"another"}`, "Content-Type", "application/json")
			}
		})
	}
	all.Wait()
	seen := w.spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodPut}})
	r.expect("no request fails", h.count(ok) == requests, "%v", h)
	r.expect("each is carried out once", len(seen) == requests, "%d of %d came", len(seen), requests)
	r.measure("%v; %d came to the Web API", h, len(seen))
	h.lawful(r)
}

// edgeOfNginx puts nginx before the simulator, with TLS and HTTP/2, and returns its host:port.
func (w *world) edgeOfNginx(settings string) string {
	w.t.Helper()
	certFile, keyFile, _ := selfSigned(w.t)
	w.env = append(w.env, "SSL_CERT_FILE="+certFile)
	address := sessiontest.FreeAddress(w.t)
	startNginx(w.t, address, fmt.Sprintf(`server {
listen %s ssl http2;
ssl_certificate %s; ssl_certificate_key %s;
%s
location / { proxy_pass %s; proxy_http_version 1.1; proxy_set_header Connection ""; }
}`, address, certFile, keyFile, settings, w.accounts.URL))
	return address
}

// startNginx runs nginx with a server block that listens on an address, until the test ends.
func startNginx(t testing.TB, address, server string) {
	t.Helper()
	folder := t.TempDir()
	config := filepath.Join(folder, "nginx.conf")
	writeFile(t, config, strings.NewReplacer("FOLDER", folder, "SERVER", server).Replace(`daemon off; master_process off;
pid FOLDER/pid; error_log stderr;
events {}
http {
access_log off;
client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
SERVER
}
`))
	startProxy(t, address, folder, found(t, "nginx"), "-c", config, "-p", folder, "-e", "stderr")
}
