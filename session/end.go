package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
)

// maxNamed bounds how many sessions the cookies of one request may name: the true one, and a few that another site planted.
// A browser has one. Each costs a few store commands, so a request that names more ends none and is rejected: ending only
// some of them could miss the true one and still report success.
const maxNamed = 4

// End ends the session of the request, or everywhere all sessions of its user, and deletes its cookie. A request without a
// session is not an error. It answers ErrTooManyCookies or ErrStoreUnavailable; the cookie stays then, and some of the user's
// sessions may have ended.
func (m *Manager) End(w http.ResponseWriter, r *http.Request, everywhere bool) error {
	keys, err := m.namedKeys(r)
	if err != nil {
		return err
	}
	if everywhere {
		if err := m.endOthers(r.Context(), keys); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if err := m.endOne(r.Context(), k); err != nil {
			return err
		}
	}
	return m.settings.Load().cookie.clear(w, r)
}

func (m *Manager) endOne(ctx context.Context, k recordKey) error {
	s, _ := m.find(ctx, k) // for the audit line; nil when it is not known
	if _, err := m.remove(ctx, k.key); err != nil {
		return err
	}
	if s != nil {
		m.index.drop(ctx, m.index.keyOf(s.record.user.ID), []string{s.key})
		m.audit.session("logout", "ok", s)
	}
	return nil
}

// remove deletes the record of a key, here at once and on the other replicas as soon as they hear of it. It reports whether there
// was one. The record of another client id stays as it is.
func (m *Manager) remove(ctx context.Context, key string) (removed bool, err error) {
	if removed, err = m.vault.delete(ctx, key); err != nil {
		return false, err
	}
	m.cache.Gone(key)
	return removed, nil
}

// endOthers ends all other sessions of the users of some sessions. Of two cookies that name two users one may be planted. A
// cookie is enough to end its session, so both users are logged out; otherwise the true user might be told of a logout that did
// not happen.
func (m *Manager) endOthers(ctx context.Context, keys []recordKey) error {
	for _, k := range keys {
		s, err := m.vault.load(ctx, k, nil) // a session with an ended grant has a user, too
		if errors.Is(err, ErrNoSession) {
			err = m.vault.knownAbsent(ctx, k)
		}
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if _, err := m.endOf(ctx, s.record.user.ID, func(key string) bool { return key != s.key }); err != nil {
			return err
		}
	}
	return nil
}

// Named returns the record keys of the sessions that the request's cookies name, for Login.Replaces: at most maxNamed.
func (m *Manager) Named(r *http.Request) []string {
	var keys []string
	for _, id := range m.settings.Load().cookie.readAll(r, maxNamed) {
		keys = append(keys, keyForID(kindSession, id).key)
	}
	return keys
}

// namedKeys returns the keys of the sessions that the request's cookies name, or ErrTooManyCookies.
func (m *Manager) namedKeys(r *http.Request) ([]recordKey, error) {
	ids := m.settings.Load().cookie.readAll(r, maxNamed+1)
	if len(ids) > maxNamed {
		return nil, ErrTooManyCookies
	}
	var keys []recordKey
	for _, id := range ids {
		keys = append(keys, keyForID(kindSession, id))
	}
	return keys, nil
}

// endOf ends those of a user's sessions that are chosen by their record keys.
func (m *Manager) endOf(ctx context.Context, user string, chosen func(key string) bool) (int, error) {
	k, entries, _, err := m.index.of(ctx, user)
	if err != nil {
		return 0, err
	}
	keys := slices.DeleteFunc(keysOf(entries), func(key string) bool { return !chosen(key) })
	ended, err := m.index.endMany(ctx, keys)
	if err != nil || len(ended) == 0 {
		return 0, err
	}
	m.index.drop(ctx, k, ended)
	for _, key := range ended {
		m.audit.key("revoke", "ok", user, key)
	}
	return len(ended), nil
}

// endMany ends those of the sessions that are alive, on all replicas, and returns their keys.
func (x *userIndex) endMany(ctx context.Context, keys []string) (ended []string, err error) {
	alive, err := x.alive(ctx, keys)
	if err != nil {
		return nil, err
	}
	ended = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !alive[key] })
	if len(ended) == 0 {
		return nil, nil
	}
	if _, err := x.bulk.DeleteMany(ctx, ended); err != nil {
		return nil, err
	}
	for _, key := range ended {
		x.cache.Gone(key)
	}
	return ended, nil
}
