package simulator

// Issued returns every code and token that was handed out since New or Reset, by the labels that Seen has: for tests that
// look for them where they must not be. Codes and tokens that are spent, expired or revoked are among them.
func (s *Server) Issued() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	issued := map[string]string{}
	for value, c := range s.accounts.codes {
		issued[c.label] = value
	}
	for value, t := range s.accounts.access {
		issued[t.label] = value
	}
	for value, t := range s.accounts.refresh {
		issued[t.label] = value
	}
	return issued
}
