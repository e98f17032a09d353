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
	browser, known := m.attempts.read(r)
	if !known {
		browser = newID()
	}
	state = newID()
	key := storeKey(kindAttempt, state)
	sealed, err := m.sealer.seal(attemptSecret(state, browser), key, note)
	if err != nil {
		return Secret{}, err
	}
	if err := m.options.Store.Save(r.Context(), key, Entry{Version: 1, Data: sealed}, AttemptLifetime, ""); err != nil {
		return Secret{}, err
	}
	return state, m.attempts.set(w, r, browser)
}

// FinishAttempt returns the note of a login and forgets it: a state works once. A state that comes back in another
// browser answers ErrNoAttempt and stays good in its own.
func (m *Manager) FinishAttempt(r *http.Request, state string) ([]byte, error) {
	browser, known := m.attempts.read(r)
	parsed, ok := parseID(state)
	if !known || !ok {
		return nil, ErrNoAttempt
	}
	key := storeKey(kindAttempt, parsed)
	note, err := m.openAttempt(r.Context(), key, attemptSecret(parsed, browser))
	if err != nil {
		return nil, err
	}
	first, err := m.options.Store.Delete(r.Context(), key)
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, ErrNoAttempt
	}
	return note, nil
}

func (m *Manager) openAttempt(ctx context.Context, key string, secret Secret) ([]byte, error) {
	entry, err := m.options.Store.Load(ctx, key)
	if errors.Is(err, ErrAbsent) {
		return nil, ErrNoAttempt
	}
	if err != nil {
		return nil, err
	}
	note, err := m.sealer.open(secret, key, entry.Data)
	if errors.Is(err, errSealed) {
		return nil, ErrNoAttempt
	}
	return note, err
}

// attemptSecret joins what the authorization server brings back and what the browser kept.
func attemptSecret(state, browser Secret) Secret {
	return NewSecret(state.Reveal() + "." + browser.Reveal())
}
