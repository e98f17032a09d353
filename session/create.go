package session

import (
	"net/http"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"stagedoor/internal/outcome"
)

// maxUserAgent is how much of a User-Agent a record keeps, in bytes.
const maxUserAgent = 120

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
	m.ends.lives(r.Context(), s)
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

// endBefore ends the sessions that a login replaces. Of more than maxNamed cookies the rest is ignored: with two different
// ones the browser had no session that could be replaced.
func (m *Manager) endBefore(r *http.Request, login Login) {
	replaced := append(m.Named(r), login.Replaces[:min(len(login.Replaces), maxNamed)]...)
	if len(replaced) == 0 {
		return
	}
	// They were the same user's, as a rule; another's are left out of its index once their records are gone.
	why := ending{reason: outcome.EndReplaced, event: "logout", user: login.User.ID}
	if _, err := m.index.endMany(r.Context(), why, replaced); err != nil { // its cookie is replaced, so that it is used no more and expires
		m.options.Log.Error("the session before this login could not be ended", zap.String("session", m.Label(r)), zap.Error(err))
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
