package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

const (
	clientID     = "e2e-client"
	clientSecret = "e2e-secret-7f3a90d1c2"
)

// world is everything around a browser: the simulator, Redis, gateway processes, and a load balancer in front of them
// whose address is the public URL.
type world struct {
	t        testing.TB
	spotify  *simulator.Server
	accounts *httptest.Server // the simulator's listener
	redis    *sessiontest.RedisServer
	balancer *httptest.Server
	replicas []*process
	key      secret.Text
	tokenURL string        // of the simulator, or of what stands before it
	apiURL   string        // likewise
	store    string        // lines below redis:
	env      []string      // more variables of the replicas' environment
	away     []atomic.Bool // replicas that the balancer leaves out
	chosen   atomic.Int64  // the replica that takes the next requests; negative takes turns
	turn     atomic.Int64
}

// options are what tests change of a world.
type options struct {
	replicas      int           // 0 means 1
	tokenLifetime time.Duration // 0 means 1h
	log           string        // "" means info
	spotify       string        // lines below spotify:
	session       string        // lines below session:
	server        string        // lines below server:
	routes        string        // instead of the usual two
	accounts      string        // lines below accounts:
	quota         string        // lines below quota:
	public        bool          // the app has no secret
	implicit      bool          // the simulator still has the implicit grant
	users         int           // so many fans instead of the simulator's own users
	pprof         bool          // the admin listener has the profiler
	knownAdmin    bool          // the admin port stays the same over restarts, at the risk that somebody else takes it
	publicURL     string        // "" means the balancer's address
	prepare       func(*world)  // changes tokenURL, apiURL, store and env, before a replica starts
}

// secret is the app's, if it has one.
func (o options) secret() string {
	if o.public {
		return ""
	}
	return clientSecret
}

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{t: t, redis: sessiontest.StartRedis(t), key: session.NewKey()}
	spotify, err := simulator.New(simulator.Options{
		Clients: []simulator.Client{{
			ID: clientID, Secret: o.secret(), RedirectURIs: []string{or(o.publicURL, "http://127.0.0.1") + "/auth/callback"},
		}},
		TokenLifetime: o.tokenLifetime,
		Implicit:      o.implicit,
		Users:         fans(o.users),
		Remember:      100_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.spotify = spotify
	w.accounts = httptest.NewServer(spotify)
	t.Cleanup(func() {
		spotify.Close()
		w.accounts.Close()
	})
	w.tokenURL, w.apiURL = w.accounts.URL+"/api/token", w.accounts.URL+"/v1"
	w.store = fmt.Sprintf("addresses: [%q]", w.redis.Addr())
	if *faultsMode == "short" { // what works shall not fail because the machine is busy
		w.store += "\ntimeout: 2s"
	}
	w.away = make([]atomic.Bool, max(o.replicas, 1))
	if o.prepare != nil {
		o.prepare(w)
	}
	if !strings.Contains(w.store, "username:") { // whatever gateways do is tried with the least rights in Redis
		w.store += fmt.Sprintf("\nusername: %s\npassword: %s", sessiontest.LeastUser, sessiontest.LeastPassword)
	}
	w.balancer = httptest.NewServer(w.balance())
	t.Cleanup(w.balancer.Close)
	w.chosen.Store(-1)
	frontend := t.TempDir()
	writeFile(t, filepath.Join(frontend, "index.html"), "<!doctype html><title>frontend</title>")
	for range max(o.replicas, 1) {
		config := filepath.Join(t.TempDir(), "config.yaml")
		writeFile(t, config, w.config(o, frontend))
		w.replicas = append(w.replicas, startProcess(t, config, w.env...))
	}
	return w
}

// balance passes requests on to the chosen replica, or to each in turn.
func (w *world) balance() http.Handler {
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
		Rewrite: func(r *httputil.ProxyRequest) {
			i := int(w.chosen.Load())
			for tries := 0; i < 0 || w.away[i].Load() && tries < len(w.replicas); tries++ {
				i = int(w.turn.Add(1)) % len(w.replicas)
			}
			r.SetURL(&url.URL{Scheme: "http", Host: w.replicas[i].public()})
			r.Out.Host = r.In.Host
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Else net/http closes the body before the answer is sent, and a transport that has not yet looked for the body's
		// end then cuts the answer.
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/1 can
		proxy.ServeHTTP(w, r)
	})
}

// through sends what follows through one replica; a negative number takes turns.
func (w *world) through(replica int) { w.chosen.Store(int64(replica)) }

func (w *world) config(o options, frontend string) string {
	routes := o.routes
	if routes == "" {
		routes = fmt.Sprintf(`
  - {path: /api/, upstream: spotify, credentials: user}
  - {path: /, files: %q, fallback: index.html}
`, frontend)
	}
	return fmt.Sprintf(`
server:
  listen: 127.0.0.1:0
  public_url: %s
%s
admin: {listen: 127.0.0.1:%d, pprof: %t}
log: {level: %s}
spotify:
  client_id: %s
  client_secret: %q
  authorize_url: %s/authorize
  token_url: %s
  api_url: %s
%s
session:
  keys: [%q]
%s
redis:
%s
accounts:
%s
quota:
%s
routes:%s`,
		or(o.publicURL, w.balancer.URL), indent(o.server), o.adminPort(w.t), o.pprof, or(o.log, "info"), clientID, o.secret(),
		w.accounts.URL, w.tokenURL, w.apiURL, indent(o.spotify),
		w.key.Reveal(), indent(o.session), indent(w.store), or(indent(o.accounts), "  {}"), or(indent(o.quota), "  {}"), routes)
}

// adminPort is any port, unless the port must be known.
func (o options) adminPort(t testing.TB) int {
	if !o.knownAdmin {
		return 0
	}
	return freePort(t)
}

func freePort(t testing.TB) int {
	t.Helper()
	var port int
	if _, err := fmt.Sscanf(sessiontest.FreeAddress(t), "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	return port
}

func indent(lines string) string {
	if lines == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n  ")
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
