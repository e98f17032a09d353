package session

import "context"

// newsPlace tells news about a session apart from its record, so that neither opens in the other's place.
const newsPlace = " news"

// Again looks a session or an account up once more, for a use of it that goes on, and notes that it is in use. Its errors
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

// SealNews makes of a text what replicas tell each other about a session or an account. Only who can open its record opens
// it, with OpenNews.
func (m *Manager) SealNews(s *Session, plain []byte) ([]byte, error) {
	return m.settings.Load().sealer.seal(s.secret, s.key+newsPlace, plain)
}

// OpenNews is the inverse of SealNews.
func (m *Manager) OpenNews(s *Session, sealed []byte) ([]byte, error) {
	return m.settings.Load().sealer.open(s.secret, s.key+newsPlace, sealed)
}
