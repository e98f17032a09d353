package stage

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

// The app that the simulator knows.
const (
	ClientID     = "e2e-client"
	ClientSecret = "e2e-secret-7f3a90d1c2"
)

// World is everything around a browser: the simulator, Redis, gateway processes, and a load balancer in front of them
// whose address is the public URL.
type World struct {
	T        testing.TB
	Spotify  *simulator.Server
	Accounts *httptest.Server // the simulator's listener
	Redis    *sessiontest.RedisServer
	Balancer *httptest.Server
	Replicas []*Process
	Key      secret.Text
	TokenURL string        // of the simulator, or of what stands before it
	APIURL   string        // likewise
	Store    string        // lines below redis:
	Env      []string      // more variables of the replicas' environment
	Out      []atomic.Bool // replicas that the balancer leaves out
	obedient bool          // the balancer sends no request to a replica that it leaves out, not even when it leaves out all
	chosen   atomic.Int64  // the replica that takes the next requests; negative takes turns
	turn     atomic.Int64
}

// ExactTimes gives stores the usual time-out, for what is measured on a machine that does nothing else.
var ExactTimes bool

// Options are what tests change of a world.
type Options struct {
	Replicas      int           // 0 means 1
	TokenLifetime time.Duration // 0 means 1h
	Log           string        // "" means info
	Spotify       string        // lines below spotify:
	Session       string        // lines below session:
	Server        string        // lines below server:
	Routes        string        // instead of the usual two
	Accounts      string        // lines below accounts:
	Quota         string        // lines below quota:
	Tracing       string        // lines below tracing:
	Public        bool          // the app has no secret
	Implicit      bool          // the simulator still has the implicit grant
	Users         int           // so many fans instead of the simulator's own users
	Obedient      bool          // the balancer answers itself, with 502, when it leaves out all replicas
	Pprof         bool          // the admin listener has the profiler
	KnownAdmin    bool          // the admin port stays the same over restarts, at the risk that somebody else takes it
	PublicURL     string        // "" means the balancer's address
	Prepare       func(*World)  // changes tokenURL, apiURL, store and env, before a replica starts
}

// secret is the app's, if it has one.
func (o Options) secret() string {
	if o.Public {
		return ""
	}
	return ClientSecret
}

// NewWorld starts Redis, the simulator and the replicas. They end with the test.
func NewWorld(t testing.TB, o Options) *World {
	t.Helper()
	w := &World{T: t, Redis: sessiontest.StartRedis(t), Key: session.NewKey(), obedient: o.Obedient}
	spotify, err := simulator.New(simulator.Options{
		Clients: []simulator.Client{{
			ID: ClientID, Secret: o.secret(), RedirectURIs: []string{Or(o.PublicURL, "http://127.0.0.1") + "/auth/callback"},
		}},
		TokenLifetime: o.TokenLifetime,
		Implicit:      o.Implicit,
		Users:         Fans(o.Users),
		Remember:      100_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Spotify = spotify
	w.Accounts = httptest.NewServer(spotify)
	t.Cleanup(func() {
		spotify.Close()
		w.Accounts.Close()
	})
	w.TokenURL, w.APIURL = w.Accounts.URL+"/api/token", w.Accounts.URL+"/v1"
	w.Store = fmt.Sprintf("addresses: [%q]", w.Redis.Addr())
	if !ExactTimes { // what works shall not fail because the machine is busy
		w.Store += "\ntimeout: 2s"
	}
	w.Out = make([]atomic.Bool, max(o.Replicas, 1))
	if o.Prepare != nil {
		o.Prepare(w)
	}
	if !strings.Contains(w.Store, "username:") { // whatever gateways do is tried with the least rights in Redis
		w.Store += fmt.Sprintf("\nusername: %s\npassword: %s", sessiontest.LeastUser, sessiontest.LeastPassword)
	}
	w.Balancer = httptest.NewServer(w.balance())
	t.Cleanup(w.Balancer.Close)
	w.chosen.Store(-1)
	frontend := t.TempDir()
	WriteFile(t, filepath.Join(frontend, "index.html"), "<!doctype html><title>frontend</title>")
	for range max(o.Replicas, 1) {
		config := filepath.Join(t.TempDir(), "config.yaml")
		WriteFile(t, config, w.Config(o, frontend))
		w.Replicas = append(w.Replicas, StartProcess(t, config, w.Env...))
	}
	return w
}

// balance passes requests on to the chosen replica, or to each in turn.
func (w *World) balance() http.Handler {
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
		Rewrite: func(r *httputil.ProxyRequest) {
			i := int(w.chosen.Load())
			for tries := 0; i < 0 || w.Out[i].Load() && tries < len(w.Replicas); tries++ {
				i = int(w.turn.Add(1)) % len(w.Replicas)
			}
			r.SetURL(&url.URL{Scheme: "http", Host: w.Replicas[i].Public()})
			r.Out.Host = r.In.Host
		},
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.obedient && w.allAway() {
			http.Error(rw, "the balancer has no replica that is ready", http.StatusBadGateway)
			return
		}
		// Else net/http closes the body before the answer is sent, and a transport that has not yet looked for the body's
		// end then cuts the answer.
		_ = http.NewResponseController(rw).EnableFullDuplex() // HTTP/1 can
		proxy.ServeHTTP(rw, r)
	})
}

// allAway tells whether the balancer leaves out all replicas.
func (w *World) allAway() bool {
	for i := range w.Out {
		if !w.Out[i].Load() {
			return false
		}
	}
	return true
}

// Through sends what follows through one replica; a negative number takes turns.
func (w *World) Through(replica int) { w.chosen.Store(int64(replica)) }

// Config is the config.yaml of a replica.
func (w *World) Config(o Options, frontend string) string {
	routes := o.Routes
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
tracing:
%s
routes:%s`,
		Or(o.PublicURL, w.Balancer.URL), indent(o.Server), o.adminPort(w.T), o.Pprof, Or(o.Log, "info"), ClientID, o.secret(),
		w.Accounts.URL, w.TokenURL, w.APIURL, indent(o.Spotify),
		w.Key.Reveal(), indent(o.Session), indent(w.Store), Or(indent(o.Accounts), "  {}"), Or(indent(o.Quota), "  {}"), Or(indent(o.Tracing), "  {}"), routes)
}

// adminPort is any port, unless the port must be known.
func (o Options) adminPort(t testing.TB) int {
	if !o.KnownAdmin {
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

// Or is the text, or the other one when it is empty.
func Or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// WriteFile writes a file that only its owner may read.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
