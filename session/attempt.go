package session

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// AttemptLifetime is how long a browser may take from the beginning of a login to its callback.
const AttemptLifetime = 10 * time.Minute

// ErrNoAttempt says that a state belongs to no login of this browser: it is unknown, used, too old or another browser's.
var ErrNoAttempt = errors.New("no such login attempt")

// BeginAttempt keeps a note for a login that begins, and returns the state that brings it back (RFC 6749 section 10.12).
// The note is sealed under the state and a cookie that all attempts of a browser share, so that only this browser can
// come back with the state.
func (m *Manager) BeginAttempt(w http.ResponseWriter, r *http.Request, note []byte) (state Secret, err error) {
	attempts := m.settings.Load().attempts
	browser, known := attempts.read(r)
	if !known {
		browser = newID()
	}
	state = newID()
	if err := m.keepNote(r.Context(), attemptPlace(state, browser), note, AttemptLifetime); err != nil {
		return Secret{}, err
	}
	return state, attempts.set(w, r, browser)
}

// FinishAttempt returns the note of a login and forgets it: a state works once. A state that comes back in another
// browser answers ErrNoAttempt and stays good in its own.
func (m *Manager) FinishAttempt(r *http.Request, state string) ([]byte, error) {
	browser, known := m.settings.Load().attempts.read(r)
	parsed, ok := parseID(state)
	if !known || !ok {
		return nil, ErrNoAttempt
	}
	return m.takeNote(r.Context(), attemptPlace(parsed, browser))
}

// attemptPlace is found by what the authorization server brings back, and opens with what the browser kept.
func attemptPlace(state, browser Secret) place {
	p := behind(kindAttempt, state)
	p.secret = NewSecret(state.Reveal() + "." + browser.Reveal())
	return p
}

// IssueTicket keeps a note for a one-time link and returns what the link carries.
func (m *Manager) IssueTicket(ctx context.Context, note []byte) (Secret, error) {
	ticket := newID()
	return ticket, m.keepNote(ctx, behind(kindTicket, ticket), note, AttemptLifetime)
}

// TakeTicket returns the note of a one-time link and forgets it. It answers ErrNoAttempt for a ticket that is unknown,
// used or older than AttemptLifetime.
func (m *Manager) TakeTicket(ctx context.Context, ticket string) ([]byte, error) {
	parsed, ok := parseID(ticket)
	if !ok {
		return nil, ErrNoAttempt
	}
	return m.takeNote(ctx, behind(kindTicket, parsed))
}

func (m *Manager) keepNote(ctx context.Context, p place, note []byte, lifetime time.Duration) error {
	sealed, err := m.seal(p, note)
	if err != nil {
		return err
	}
	return m.options.Store.Save(ctx, p.key, Entry{Version: 1, Data: sealed}, lifetime, "")
}

// takeNote opens before it deletes: who cannot open a note shall not be able to use it up.
func (m *Manager) takeNote(ctx context.Context, p place) ([]byte, error) {
	entry, err := m.options.Store.Load(ctx, p.key)
	if errors.Is(err, ErrAbsent) {
		return nil, ErrNoAttempt
	}
	if err != nil {
		return nil, err
	}
	note, err := m.open(p, entry.Data)
	if errors.Is(err, errSealed) {
		return nil, ErrNoAttempt
	}
	if err != nil {
		return nil, err
	}
	first, err := m.options.Store.Delete(ctx, p.key)
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, ErrNoAttempt
	}
	return note, nil
}
