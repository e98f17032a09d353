package flows

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/internal/httperror"
	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

const clientScript = "export const stagedoor = 1;\n"

// gateway is a Handler on a real listener, with a store that can be watched and broken, and a log that every test of it
// ends up searching for secrets.
type gateway struct {
	*httptest.Server
	t        *testing.T
	spotify  *spotify
	options  Options // of the handler
	sessions *session.Manager
	store    *watchedStore
	clock    *clock
	logs     *observer.ObservedLogs

	mu      sync.Mutex // guards secrets
	secrets []string
}

// newGateway starts a gateway that its own listener's address is the public URL of, unless change says otherwise.
func newGateway(t *testing.T, change func(*Options)) *gateway {
	t.Helper()
	g := &gateway{t: t, Server: httptest.NewUnstartedServer(nil), spotify: newSpotify(t), clock: &clock{now: testClock}}
	memory := memstore.New(g.clock.Now)
	g.store = &watchedStore{Store: memory, saved: map[string]int{}}
	core, logs := observer.New(zap.DebugLevel)
	g.logs = logs

	o := Options{
		Config: DefaultConfig(), PublicURL: "http://" + g.Listener.Addr().String(), Log: zap.New(core), Now: g.clock.Now,
	}
	o.Config.ClientID, o.Config.ClientSecret = "client-1", secret.New("the-client-secret")
	o.Config.AuthorizeURL = "https://accounts.example/authorize"
	o.Config.TokenURL, o.Config.APIURL = g.spotify.URL+"/api/token", g.spotify.URL+"/v1"
	o.Client = fstest.MapFS{"client.js": {Data: []byte(clientScript)}, "client.d.ts": {Data: []byte("export {};\n")}}
	if change != nil {
		change(&o)
	}
	o.Tokens = NewTokenClient(o.Config, o.PublicURL, o.Now)
	config := session.DefaultConfig()
	config.Keys = []secret.Text{session.NewKey()}
	manager, err := session.NewManager(session.Options{
		Config: config, Store: g.store, Leases: memory, Lists: memory, Bulk: memory, Refresh: o.Tokens.Refresh, Log: o.Log, Now: o.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(manager.Close)
	o.Sessions, g.sessions = manager, manager
	g.options = o
	handler, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g.Config.Handler = answering(handler)
	g.Start()
	t.Cleanup(g.Close)
	g.hide("the-client-secret", config.Keys[0].Reveal())
	t.Cleanup(g.searchLog)
	return g
}

// answering answers the errors of a handler, as package proxy does.
func answering(h *Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := h.Serve(w, r); err != nil {
			httperror.DefaultPages().Write(w, r, err, "")
		}
	})
}

// hide records values that must not show up in the log.
func (g *gateway) hide(values ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, value := range values {
		if value != "" {
			g.secrets = append(g.secrets, value)
		}
	}
}

// searchLog looks through every line, at debug level, for every secret that the test came across.
func (g *gateway) searchLog() {
	for _, leak := range g.leaks() {
		g.t.Errorf("the log tells a secret: %s", leak)
	}
}

// leaks returns the lines that hold a secret.
func (g *gateway) leaks() (lines []string) {
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range g.logs.All() {
		text, err := encoder.EncodeEntry(line.Entry, line.Context)
		if err != nil {
			return []string{"a line that cannot be encoded: " + err.Error()}
		}
		for _, hidden := range append(g.secrets, g.spotify.secrets()...) {
			if strings.Contains(text.String(), hidden) {
				lines = append(lines, text.String())
			}
		}
	}
	return lines
}

// audits returns the audit lines as "event result".
func (g *gateway) audits() []string {
	var lines []string
	for _, line := range g.logs.FilterMessage("audit").All() {
		fields := line.ContextMap()
		lines = append(lines, fields["event"].(string)+" "+fields["result"].(string))
	}
	return lines
}

// clock is the gateway's time.
type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// watchedStore counts what is written, and answers nothing while it is down.
type watchedStore struct {
	session.Store

	mu    sync.Mutex // guards what follows
	saved map[string]int
	down  func(operation, kind string) bool
}

func (s *watchedStore) reach(operation, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, _, _ := strings.Cut(key, ":")
	if s.down != nil && s.down(operation, kind) {
		return errors.Join(session.ErrStoreUnavailable, errors.New("connection refused"))
	}
	if operation == "save" {
		s.saved[kind]++
	}
	return nil
}

// fail makes the operations that down names fail from now on; nil mends the store.
func (s *watchedStore) fail(down func(operation, kind string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func everything(_, _ string) bool { return true }

// writes returns how many marks of used login states and how many sessions were written.
func (s *watchedStore) writes() (marks, sessions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved["login"], s.saved["session"]
}

func (s *watchedStore) Load(ctx context.Context, key string) (session.Entry, error) {
	if err := s.reach("load", key); err != nil {
		return session.Entry{}, err
	}
	return s.Store.Load(ctx, key)
}

func (s *watchedStore) Save(ctx context.Context, key string, e session.Entry, ttl time.Duration, holder string) error {
	if err := s.reach("save", key); err != nil {
		return err
	}
	return s.Store.Save(ctx, key, e, ttl, holder)
}

func (s *watchedStore) Delete(ctx context.Context, key string) (bool, error) {
	if err := s.reach("delete", key); err != nil {
		return false, err
	}
	return s.Store.Delete(ctx, key)
}
