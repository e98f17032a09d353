package session

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"stagedoor/secret"
)

// Options are what a Manager works with; Use changes some of them later. All fields are required unless they say otherwise.
type Options struct {
	Config Config
	// Secure says that browsers see the gateway on https.
	Secure bool
	Store  Store
	Leases Leases
	// Lists and Bulk work on what is in Store.
	Lists Lists
	Bulk  Bulk
	// Watch reports the changes that any replica makes to entries in the store, until ctx ends. With nil every request asks
	// the store.
	Watch func(ctx context.Context, w Watcher)
	// Refresh asks the token endpoint for the next grant: one request, with a deadline of its own. It answers
	// ErrGrantEnded, ErrClientMisconfigured or a RefreshUnavailableError.
	Refresh func(ctx context.Context, refreshToken secret.Text) (Grant, error)
	// App asks the token endpoint for a token that speaks for the app and for no user; its errors are those of Refresh.
	App func(ctx context.Context) (Grant, error)
	// GrantEnded is called with the record key of a session or account when this replica has found that its grant has ended, and
	// has written that. It must not wait; nil means that nobody is told.
	GrantEnded func(key string)
	// Client is the id of the app. A grant belongs to the app that it was given to: records of another client id are not
	// opened, changed or deleted.
	Client string
	// Log gets audit lines and errors.
	Log *zap.Logger
	// Metrics gets what is counted and timed; nil means that nothing is reported.
	Metrics Metrics
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Manager finds, makes and ends sessions, and keeps their tokens fresh. It is the face of three structs with one job each: the
// vault (sealed records), the cache (local copies) and the refresher (tokens); userIndex knows which sessions a user has. It is
// safe for concurrent use.
type Manager struct {
	options   Options // without those that are Settings
	settings  atomic.Pointer[settings]
	vault     *vault
	cache     *cache
	refresher *refresher
	index     *userIndex
	ends      *ends
	audit     audit

	loads    singleflight.Group // of sessions, by their key
	touching sync.Map           // keys whose activity is being written

	background sync.WaitGroup // flights and the watch
	stop       context.CancelFunc
}

// NewManager makes a manager and starts to watch for sessions that other replicas end. Close it.
func NewManager(o Options) (*Manager, error) {
	first, err := newSettings(Settings{Config: o.Config, Refresh: o.Refresh, App: o.App}, o.Client, o.Secure)
	if err != nil {
		return nil, err
	}
	o.Config, o.Refresh, o.App = Config{}, nil, nil
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.GrantEnded == nil {
		o.GrantEnded = func(string) {}
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &Manager{options: o, cache: newCache(o.Now), audit: audit{o.Log}, stop: stop}
	m.settings.Store(first)
	m.vault = &vault{
		store: o.Store, client: o.Client, settings: &m.settings, now: o.Now, log: o.Log, seed: maphash.MakeSeed(),
	}
	m.ends = &ends{
		traces: traces{lists: o.Lists, now: o.Now}, metrics: o.Metrics, audit: m.audit, log: o.Log,
		index: func(user string) recordKey { return m.index.keyOf(user) },
	}
	m.index = &userIndex{vault: m.vault, cache: m.cache, lists: o.Lists, bulk: o.Bulk, ends: m.ends, names: names{lists: o.Lists, now: o.Now}}
	m.refresher = &refresher{
		vault: m.vault, cache: m.cache, ends: m.ends, leases: o.Leases, settings: &m.settings, flights: newFlights(), backoffs: newBackoffs(),
		metrics: o.Metrics, audit: m.audit, now: o.Now, log: o.Log, background: &m.background,
		grantEnded: o.GrantEnded,
	}
	if o.Watch != nil {
		m.background.Go(func() { o.Watch(ctx, m.cache) })
	}
	return m, nil
}

// Close waits for the refreshes in flight and stops the watch. No method may be called afterwards.
func (m *Manager) Close() {
	m.stop()
	m.background.Wait()
}

// CookieNames returns the names of the gateway's own cookies, which no upstream may see or set. One that ends with an
// asterisk stands for all names that begin as it does. Browsers may still have the login cookie of an earlier version: its
// name is the prefix of today's without the last hyphen.
func (m *Manager) CookieNames() []string {
	name := m.settings.Load().cookie.name
	return []string{name, name + strings.TrimSuffix(loginInfix, "-"), name + loginInfix + "*"}
}
