package session

// newsPlace distinguishes news about a session from its record, so that neither opens as the other.
const newsPlace = " news"

// SealNews seals a text that replicas send each other about a session or an account. Only a replica that can open its record
// can open the text, with OpenNews.
func (m *Manager) SealNews(s *Session, plain []byte) ([]byte, error) {
	return m.settings.Load().sealer.Seal(s.secret, s.key+newsPlace, plain)
}

// OpenNews is the inverse of SealNews.
func (m *Manager) OpenNews(s *Session, sealed []byte) ([]byte, error) {
	return m.settings.Load().sealer.Open(s.secret, s.key+newsPlace, sealed)
}
