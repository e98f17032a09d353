package session

import (
	"context"
	"errors"
	"net/http"

	"go.uber.org/zap"
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

// endBefore ends the sessions that a login replaces. Of more than maxNamed cookies the rest is ignored: with two different
// ones the browser had no session that could be replaced.
func (m *Manager) endBefore(r *http.Request, login Login) {
	replaced := append(m.Named(r), login.Replaces[:min(len(login.Replaces), maxNamed)]...)
	if len(replaced) == 0 {
		return
	}
	ended, err := m.index.endMany(r.Context(), replaced)
	if err != nil { // its cookie is about to be replaced, so it is used no more and expires
		m.options.Log.Error("the session before this login could not be ended", zap.String("session", m.Label(r)), zap.Error(err))
		return
	}
	if len(ended) > 0 { // they were the same user's, as a rule; another's are left out once their records are gone
		m.index.drop(r.Context(), m.index.keyOf(login.User.ID), ended)
	}
}
