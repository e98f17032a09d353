package session

import (
	"errors"
	"time"

	"go.uber.org/zap"
)

// savePoll is how often, at least, a refreshed token is tried to be written while the store is away.
const savePoll = 250 * time.Millisecond

// saveOver writes a change on top of the record, whatever else has changed in it meanwhile, as long as its grant is the one
// that was used and nobody else has the lease. It returns the session as it is then; when somebody else has refreshed the
// grant, that is theirs. When the record is gone it answers ErrNoSession: a deletion wins.
//
// A store that is away is tried again for stepTime. With waiting, which is called with the session as it will be, so is a
// lease that another replica has: what the token endpoint has just given cannot be had a second time. Without, a lease that
// is lost is an error at once.
func (r *refresher) saveOver(s *Session, holder string, change func(*record), waiting func(*Session)) (*Session, error) {
	ctx, cancel := step()
	defer cancel()
	for wait := leasePoll; ; wait = min(2*wait, savePoll) {
		next := s.record
		change(&next)
		saved, err := r.vault.save(ctx, s, next, holder)
		lost := errors.Is(err, ErrLeaseLost)
		if lost {
			err = &RefreshUnavailableError{Cause: err}
		}
		switch {
		case lost && waiting != nil, errors.Is(err, ErrConflict):
			current, loadErr := r.load(ctx, s.recordKey)
			if loadErr != nil && !errors.Is(loadErr, ErrStoreUnavailable) {
				return nil, loadErr
			}
			if loadErr == nil && !current.record.sameGrant(s.record) {
				return current, nil // another replica has the newer grant
			}
			if loadErr == nil {
				s = current
				if !lost {
					continue
				}
			}
		case !errors.Is(err, ErrStoreUnavailable):
			return saved, err
		}
		r.log.Warn("the outcome of a refresh is not written yet", zap.String("session", s.Label()), zap.Error(err))
		if waiting != nil {
			waiting(&Session{recordKey: s.recordKey, version: s.version, record: next, limits: s.limits})
		}
		if sleep(ctx, wait) != nil {
			return nil, err
		}
	}
}
