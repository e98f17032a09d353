package session

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"stagedoor/internal/outcome"
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
	why := ending{reason: outcome.EndLogout, event: "logout"}
	if everywhere {
		why.reason = outcome.EndEverywhere
	}
	for _, k := range keys {
		if err := m.endOne(r.Context(), k, why); err != nil {
			return err
		}
	}
	return m.settings.Load().cookie.clear(w, r)
}

func (m *Manager) endOne(ctx context.Context, k recordKey, why ending) error {
	s, _ := m.find(ctx, k) // for its user; nil when it is not known
	if s != nil {
		why.user = s.record.user.ID
		m.ends.begin(ctx, why, []string{s.key})
	}
	if _, err := m.remove(ctx, k.key); err != nil {
		return err
	}
	if s != nil {
		m.index.drop(ctx, m.index.keyOf(why.user), []string{s.key})
		m.ends.done(ctx, why, []string{s.key})
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
		why := ending{reason: outcome.EndEverywhere, event: "revoke", user: s.record.user.ID}
		if _, err := m.endOf(ctx, why, func(key string) bool { return key != s.key }); err != nil {
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

// endOf ends those sessions of the ending's user that are chosen by their record keys, on all replicas, and returns how many.
func (m *Manager) endOf(ctx context.Context, why ending, chosen func(key string) bool) (int, error) {
	index, err := m.index.of(ctx, why.user)
	if err != nil {
		return 0, err
	}
	keys := slices.DeleteFunc(keysOf(index.entries), func(key string) bool { return !chosen(key) })
	ended, err := m.index.endMany(ctx, why, keys)
	return len(ended), err
}

// endMany ends those of the sessions that are alive, on all replicas, and returns their keys. It takes them out of the index of the
// ending's user.
func (x *userIndex) endMany(ctx context.Context, why ending, keys []string) (ended []string, err error) {
	ended, err = x.living(ctx, keys)
	if err != nil || len(ended) == 0 {
		return nil, err
	}
	x.ends.begin(ctx, why, ended)
	if err := x.deleteMany(ctx, ended); err != nil {
		return nil, err
	}
	if why.user != "" {
		x.drop(ctx, x.keyOf(why.user), ended)
	}
	x.ends.done(ctx, why, ended)
	return ended, nil
}

// living returns the keys of those of the sessions that are alive.
func (x *userIndex) living(ctx context.Context, keys []string) ([]string, error) {
	alive, err := x.alive(ctx, keys)
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !alive[key] }), err
}

func (x *userIndex) deleteMany(ctx context.Context, keys []string) error {
	if _, err := x.bulk.DeleteMany(ctx, keys); err != nil {
		return err
	}
	for _, key := range keys {
		x.cache.Gone(key)
	}
	return nil
}
