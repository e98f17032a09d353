package session

import (
	"errors"
	"time"

	"go.uber.org/zap"
)

// savePoll is how often, at least, a refreshed token is tried to be written while the store is away.
const savePoll = 250 * time.Millisecond

// saveOver writes a change on top of the record, whatever else has changed in it meanwhile, as long as its grant is the one
// that was used and nobody else has the lease. A store that is away is tried again for stepTime: what the token endpoint
// has just given cannot be had a second time. Waiting is then called with the session as it will be.
func (m *Manager) saveOver(s *Session, holder string, change func(*record), waiting func(*Session)) (*Session, error) {
	ctx, cancel := step()
	defer cancel()
	for wait := leasePoll; ; wait = min(2*wait, savePoll) {
		next := s.record
		change(&next)
		saved, err := m.save(ctx, s, next, holder)
		switch {
		case errors.Is(err, ErrConflict):
			current, err := m.load(ctx, s.place)
			if err != nil && !errors.Is(err, ErrStoreUnavailable) {
				return nil, err
			}
			if err == nil && !current.record.grant.same(s.record.grant) {
				return current, nil // another replica has the newer grant
			}
			if err == nil {
				s = current
				continue
			}
		case errors.Is(err, ErrLeaseLost):
			return nil, &RefreshUnavailableError{Cause: err}
		case !errors.Is(err, ErrStoreUnavailable):
			return saved, err
		}
		m.options.Log.Warn("a refreshed token waits for the store", zap.String("session", s.Label()), zap.Error(err))
		waiting(&Session{place: s.place, version: s.version, record: next, limits: s.limits})
		if pauseFor(ctx, wait) != nil {
			return nil, err
		}
	}
}
