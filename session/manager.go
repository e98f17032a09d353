package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"
)

// maxUserAgent is how much of a User-Agent a record keeps, in bytes.
const maxUserAgent = 120

// activityShare is the share of the idle timeout after which activity is written again.
const activityShare = 10

// Options are what a Manager works with. All fields are required unless they say otherwise.
type Options struct {
	Config Config
	// Secure says that browsers see the gateway on https.
	Secure bool
	Store  Store
	Leases Leases
	// Watch calls gone with the key of every entry that another replica deletes, until ctx ends; nil when there is no
	// other replica.
	Watch func(ctx context.Context, gone func(key string))
	// Refresh asks the token endpoint for the next grant: one request, with a deadline of its own. It answers
	// ErrGrantEnded, ErrClientMisconfigured or a RefreshUnavailableError.
	Refresh func(ctx context.Context, refreshToken Secret) (Grant, error)
	// Log gets audit lines and faults.
	Log *zap.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Manager finds, makes and ends sessions, and keeps their tokens fresh. It is safe for concurrent use.
type Manager struct {
	options  Options
	sealer   *sealer
	cookie   cookie
	attempts cookie
	recent   *recent
	flights  singleflight.Group
	pauses   *pauses
	touching sync.Map // keys whose activity is being written

	background sync.WaitGroup // flights and the watch
	stop       context.CancelFunc
}

// NewManager makes a manager and starts to watch for sessions that other replicas end. Close it.
func NewManager(o Options) (*Manager, error) {
	sealer, err := newSealer(o.Config.Keys)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &Manager{options: o, sealer: sealer, recent: newRecent(), pauses: newPauses(), stop: stop}
	m.cookie, m.attempts = newCookies(o.Config.Cookie, o.Secure, o.Config.MaxLifetime)
	if o.Watch != nil {
		m.background.Go(func() {
			o.Watch(ctx, func(key string) { m.recent.gone(key, m.options.Now()) })
		})
	}
	return m, nil
}

// Close waits for the refreshes in flight and stops the watch. No method may be called afterwards.
func (m *Manager) Close() {
	m.stop()
	m.background.Wait()
}

// CookieNames returns the names of the gateway's own cookies, which no upstream shall see or set.
func (m *Manager) CookieNames() []string { return []string{m.cookie.name, m.attempts.name} }

// Label stands in a log for the session that the request's cookie names, whether there is one or not; empty without a
// cookie.
func (m *Manager) Label(r *http.Request) string {
	id, found := m.cookie.read(r)
	if !found {
		return ""
	}
	return label(storeKey(kindSession, id))
}

// Find returns the session of the request and notes that it is in use. It answers ErrNoSession, ErrReauthorize or
// ErrStoreUnavailable.
func (m *Manager) Find(r *http.Request) (*Session, error) {
	s, err := m.Peek(r)
	if err != nil {
		return nil, err
	}
	m.touch(r.Context(), s)
	return s, nil
}

// Peek is Find for a look that does not count as use.
func (m *Manager) Peek(r *http.Request) (*Session, error) {
	id, found := m.cookie.read(r)
	if !found {
		return nil, ErrNoSession
	}
	now := m.options.Now()
	s, err := m.load(r.Context(), id)
	switch {
	case err == nil:
		m.recent.saw(s, now)
	case errors.Is(err, ErrStoreUnavailable):
		if s = m.recent.get(storeKey(kindSession, id), now); s == nil {
			return nil, err
		}
	case errors.Is(err, ErrNoSession):
		m.recent.forget(storeKey(kindSession, id))
		return nil, err
	default:
		return nil, err
	}
	switch {
	case s.record.ended || !now.Before(s.ReauthorizeBy()):
		return nil, ErrReauthorize
	case !now.Before(s.deadline()):
		return nil, ErrNoSession
	default:
		return s, nil
	}
}

// Login is what a session begins with.
type Login struct {
	User  User
	Grant Grant
	// AuthorizedAt is when the user consented.
	AuthorizedAt time.Time
}

// Create begins a session under a new id, gives the browser its cookie, and ends the session that the browser had.
func (m *Manager) Create(w http.ResponseWriter, r *http.Request, login Login) (*Session, error) {
	now := m.options.Now()
	id := newID()
	s := &Session{id: id, key: storeKey(kindSession, id), limits: m.limits(), record: record{
		user: login.User, grant: login.Grant, authorizedAt: login.AuthorizedAt, createdAt: now, lastSeenAt: now,
		userAgent: cut(r.UserAgent(), maxUserAgent),
	}}
	s, err := m.save(r.Context(), s, s.record, "")
	if err != nil {
		return nil, err
	}
	if err := m.end(r); err != nil { // its cookie is about to be replaced, so nobody can use it; its time runs out
		m.options.Log.Error("the session before this login could not be ended", zap.String("session", m.Label(r)), zap.Error(err))
	}
	if err := m.cookie.set(w, r, id); err != nil {
		return nil, err
	}
	m.audit("login", "ok", s)
	return s, nil
}

// End ends the session of the request and takes its cookie away. A request without a session is fine. When the store does
// not answer nothing has happened: the session lives and the cookie stays.
func (m *Manager) End(w http.ResponseWriter, r *http.Request) error {
	s, err := m.Peek(r) // for the audit line only
	if err != nil {
		s = nil
	}
	if err := m.end(r); err != nil {
		return err
	}
	if s != nil {
		m.audit("logout", "ok", s)
	}
	return m.cookie.clear(w, r)
}

func (m *Manager) end(r *http.Request) error {
	id, found := m.cookie.read(r)
	if !found {
		return nil
	}
	key := storeKey(kindSession, id)
	if _, err := m.options.Store.Delete(r.Context(), key); err != nil {
		return err
	}
	m.recent.gone(key, m.options.Now())
	return nil
}

// touch writes, now and then, that the session is in use. A failure costs nothing but precision.
func (m *Manager) touch(ctx context.Context, s *Session) {
	now := m.options.Now()
	if now.Sub(s.record.lastSeenAt) < m.options.Config.IdleTimeout/activityShare {
		return
	}
	if _, busy := m.touching.LoadOrStore(s.key, true); busy {
		return
	}
	defer m.touching.Delete(s.key)
	next := s.record
	next.lastSeenAt = now
	if _, err := m.save(ctx, s, next, ""); err != nil {
		m.options.Log.Debug("activity was not written", zap.String("session", s.Label()), zap.Error(err))
	}
}

// load reads and opens the session of an id. A record that does not open is as good as none: its key has been retired,
// or somebody wrote into the store.
func (m *Manager) load(ctx context.Context, id Secret) (*Session, error) {
	key := storeKey(kindSession, id)
	entry, err := m.options.Store.Load(ctx, key)
	if errors.Is(err, ErrAbsent) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	plain, err := m.sealer.open(id, key, entry.Data)
	if err != nil {
		m.options.Log.Warn("a session's record does not open: its key is not configured any more, or it was changed",
			zap.String("session", label(key)))
		return nil, ErrNoSession
	}
	rec, err := decodeRecord(plain)
	if err != nil {
		m.options.Log.Warn("a session's record is not understood", zap.String("session", label(key)), zap.Error(err))
		return nil, ErrNoSession
	}
	return &Session{id: id, key: key, version: entry.Version, record: rec, limits: m.limits()}, nil
}

// save writes next on top of s and returns the session as it is then.
func (m *Manager) save(ctx context.Context, s *Session, next record, holder string) (*Session, error) {
	saved := &Session{id: s.id, key: s.key, version: s.version + 1, record: next, limits: s.limits}
	plain, err := next.encode()
	if err != nil {
		return nil, fmt.Errorf("encode a session record: %w", err)
	}
	sealed, err := m.sealer.seal(s.id, s.key, plain)
	if err != nil {
		return nil, err
	}
	ttl := saved.ttl(m.options.Now())
	if ttl <= 0 {
		return nil, ErrNoSession
	}
	if err := m.options.Store.Save(ctx, s.key, Entry{Version: saved.version, Data: sealed}, ttl, holder); err != nil {
		return nil, err
	}
	return saved, nil
}

func (m *Manager) limits() limits {
	return limits{idle: m.options.Config.IdleTimeout, lifetime: m.options.Config.MaxLifetime}
}

// audit writes a line about what happened to whom.
func (m *Manager) audit(event, result string, s *Session) {
	m.options.Log.Info("audit", zap.String("event", event), zap.String("result", result),
		zap.String("user", s.record.user.ID), zap.String("session", s.Label()))
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
