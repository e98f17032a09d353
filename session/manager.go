package session

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"stagedoor/secret"
)

// maxUserAgent is how much of a User-Agent a record keeps, in bytes.
const maxUserAgent = 120

// activityShare is the share of the idle timeout after which activity is written again.
const activityShare = 10

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
	ctx, stop := context.WithCancel(context.Background())
	m := &Manager{options: o, cache: newCache(o.Now), audit: audit{o.Log}, stop: stop}
	m.settings.Store(first)
	m.vault = &vault{
		store: o.Store, client: o.Client, settings: &m.settings, now: o.Now, log: o.Log, seed: maphash.MakeSeed(),
	}
	m.index = &userIndex{vault: m.vault, cache: m.cache, lists: o.Lists, bulk: o.Bulk, audit: m.audit}
	m.refresher = &refresher{
		vault: m.vault, cache: m.cache, leases: o.Leases, settings: &m.settings, flights: newFlights(), backoffs: newBackoffs(),
		metrics: o.Metrics, audit: m.audit, now: o.Now, log: o.Log, background: &m.background,
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

// Label returns the label in the log of the session that the request's cookie names, whether the session exists or not; empty
// without a cookie.
func (m *Manager) Label(r *http.Request) string {
	id, found := m.settings.Load().cookie.read(r)
	if !found {
		return ""
	}
	return label(keyForID(kindSession, id).key)
}

// Find returns the session of the request and records that it is in use. It answers ErrNoSession, ErrReauthorize or
// ErrStoreUnavailable.
func (m *Manager) Find(r *http.Request) (*Session, error) {
	s, err := m.Peek(r)
	if err != nil {
		return nil, err
	}
	m.touch(r.Context(), s)
	return s, nil
}

// Peek is Find without recording a use. With ErrReauthorize it returns the session nevertheless.
func (m *Manager) Peek(r *http.Request) (*Session, error) {
	id, found := m.settings.Load().cookie.read(r)
	if !found {
		return nil, ErrNoSession
	}
	return m.find(r.Context(), keyForID(kindSession, id))
}

// find returns the session of a record key: a fresh one from the cache, or the store's, or, during an outage of the store, the
// cached one.
func (m *Manager) find(ctx context.Context, k recordKey) (*Session, error) {
	now := m.options.Now()
	s := m.cache.fresh(k.key, now)
	if s == nil {
		var err error
		if s, err = m.loadOnce(ctx, k, now); err != nil {
			return nil, err
		}
	}
	err := s.usable(now)
	if errors.Is(err, ErrNoSession) {
		return nil, err
	}
	return s, err
}

// loadOnce loads the session of a record key, once for all requests that ask for it at the same time.
func (m *Manager) loadOnce(ctx context.Context, k recordKey, now time.Time) (*Session, error) {
	shared := m.loads.DoChan(k.key, func() (any, error) {
		return m.loadCached(context.WithoutCancel(ctx), k, now) // other requests may wait for the load, too
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-shared:
		s, _ := result.Val.(*Session)
		return s, result.Err
	}
}

// loadCached loads a session and caches it. During an outage of the store it returns the cached one.
func (m *Manager) loadCached(ctx context.Context, k recordKey, now time.Time) (*Session, error) {
	s, err := m.vault.load(ctx, k, m.cache.last(k.key))
	switch {
	case err == nil && !m.cache.put(s, now):
		return nil, ErrNoSession // it ended meanwhile
	case errors.Is(err, ErrNoSession):
		m.cache.drop(k.key)
	case errors.Is(err, ErrStoreUnavailable):
		if cached := m.cache.duringOutage(k.key, now); cached != nil {
			return cached, nil
		}
	}
	return s, err
}

// Login is what a session begins with.
type Login struct {
	User  User
	Grant Grant
	// AuthorizedAt is when the user consented.
	AuthorizedAt time.Time
	// Replaces is what Named said when the login began: a cookie with SameSite=Strict does not come along when the consent
	// page sends the browser back.
	Replaces []string
}

// Create begins a session under a new id, gives the browser its cookie, and ends the session that the browser had or
// had when the login began.
func (m *Manager) Create(w http.ResponseWriter, r *http.Request, login Login) (*Session, error) {
	id := newID()
	s := &Session{recordKey: keyForID(kindSession, id), limits: m.vault.limits(), record: m.newRecord(login)}
	s.record.userAgent = cut(r.UserAgent(), maxUserAgent)
	s.record.expiresAt = s.expiryBy(s.limits)
	if err := m.index.add(r.Context(), s); err != nil { // first, so that no session is ever missing there
		return nil, err
	}
	s, err := m.vault.save(r.Context(), s, s.record, "")
	if err != nil {
		return nil, err
	}
	m.endBefore(r, login)
	if err := m.index.trim(r.Context(), s); err != nil { // the next login tries again
		m.options.Log.Error("a user may have more sessions than session.max_per_user", zap.String("session", s.Label()), zap.Error(err))
	}
	if err := m.settings.Load().cookie.set(w, r, id); err != nil {
		return nil, err
	}
	m.audit.session("login", "ok", s)
	return s, nil
}

func (m *Manager) newRecord(login Login) record {
	now := instantOf(m.options.Now())
	return record{
		user: login.User, grant: login.Grant, authorizedAt: instantOf(login.AuthorizedAt), createdAt: now, lastSeenAt: now,
	}
}

// remove deletes the record of a key, here at once and on the other replicas as soon as they hear of it. It tells whether there
// was one. The record of another client id stays as it is.
func (m *Manager) remove(ctx context.Context, key string) (removed bool, err error) {
	if removed, err = m.vault.delete(ctx, key); err != nil {
		return false, err
	}
	m.cache.Gone(key)
	return removed, nil
}

// touch writes, now and then, that the session is in use; and at once when the limits have changed since the last time,
// because the store keeps the record for as long as the old ones said. A failure costs nothing but precision.
func (m *Manager) touch(ctx context.Context, s *Session) {
	now, limits := m.options.Now(), m.vault.limits()
	recorded := now.Sub(s.record.lastSeenAt.time()) < limits.idle/activityShare && s.record.expiresAt == s.expiryBy(limits)
	if recorded {
		return
	}
	if _, busy := m.touching.LoadOrStore(s.key, true); busy {
		return
	}
	defer m.touching.Delete(s.key)
	used := &Session{recordKey: s.recordKey, version: s.version, record: s.record, limits: limits}
	used.record.lastSeenAt = instantOf(now)
	used.record.expiresAt = used.expiryBy(limits)
	err := m.index.add(ctx, used) // first, so that the index outlives the session
	if err == nil {
		var saved *Session
		if saved, err = m.vault.save(ctx, used, used.record, ""); err == nil {
			m.cache.put(saved, now)
		}
	}
	if err != nil {
		m.options.Log.Debug("activity was not written", zap.String("session", s.Label()), zap.Error(err))
	}
}

// cut shortens text to at most size bytes, on a whole character.
func cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}
