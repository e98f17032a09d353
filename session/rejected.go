package session

import (
	"sync"

	"stagedoor/secret"
)

// maxRejected is how many sessions' rejected tokens are remembered; with one more, all are forgotten. Forgetting one costs a
// call that is rejected.
const maxRejected = 10_000

// rejectedTokens are the tokens that Spotify has rejected although they had not expired, one a session. It is safe for
// concurrent use; the zero value is empty.
type rejectedTokens struct {
	mu    sync.Mutex // guards byKey
	byKey map[string]secret.Text
}

func (r *rejectedTokens) add(key string, access secret.Text) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil || len(r.byKey) >= maxRejected {
		r.byKey = map[string]secret.Text{}
	}
	r.byKey[key] = access
}

// has tells whether the session's token was rejected, and forgets one that has been replaced since.
func (r *rejectedTokens) has(key string, access secret.Text) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.byKey[key]
	if known && !last.Equal(access) {
		delete(r.byKey, key)
		return false
	}
	return known
}

// MarkRejected remembers in this process that Spotify has rejected a token of the session that had not expired. Replace does so by
// itself.
func (m *Manager) MarkRejected(s *Session, token Token) {
	m.refresher.rejected.add(s.key, token.Access)
}

// IsRejected tells whether Spotify is known to have rejected a token of the session. Replace returns another, if it can.
func (m *Manager) IsRejected(s *Session, token Token) bool {
	return m.refresher.rejected.has(s.key, token.Access)
}
