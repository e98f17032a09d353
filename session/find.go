package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// activityShare is the share of the idle timeout after which activity is written again.
const activityShare = 10

// Find returns the session of the request and records that it is in use. It answers ErrNoSession, as an EndedError when it is known
// why, ErrReauthorize or ErrStoreUnavailable.
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
	k := keyForID(kindSession, id)
	s, err := m.find(r.Context(), k)
	if errors.Is(err, ErrNoSession) {
		return nil, m.ends.of(r.Context(), "", k.key, err)
	}
	return s, err
}

// Again loads a session or an account once more, for a use of it that goes on, and records that it is in use. Its errors
// are those of Find.
func (m *Manager) Again(ctx context.Context, s *Session) (*Session, error) {
	found, err := m.find(ctx, s.recordKey)
	if err != nil {
		return nil, err
	}
	if found.IsUser() {
		m.touch(ctx, found)
	}
	return found, nil
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
	last := m.cache.last(k.key)
	s, err := m.vault.load(ctx, k, last)
	switch {
	case err == nil && !m.cache.put(s, now):
		return nil, ErrNoSession // it ended meanwhile
	case errors.Is(err, ErrNoSession):
		m.cache.drop(k.key)
		if last != nil && k.kind == kindSession && err == ErrNoSession { //nolint:errorlint // an EndedError knows better
			return nil, &EndedError{Reason: last.endedBy(now)}
		}
	case errors.Is(err, ErrStoreUnavailable):
		if cached := m.cache.duringOutage(k.key, now); cached != nil {
			return cached, nil
		}
	}
	return s, err
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
		m.ends.lives(ctx, used)
		var saved *Session
		if saved, err = m.vault.save(ctx, used, used.record, ""); err == nil {
			m.cache.put(saved, now)
		}
	}
	if err != nil {
		m.options.Log.Debug("activity was not written", zap.String("session", s.Label()), zap.Error(err))
	}
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
