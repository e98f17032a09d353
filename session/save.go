package session

import (
	"errors"
	"time"

	"go.uber.org/zap"
)

// savePoll is how often, at least, the save of a refreshed token is tried again during an outage of the store.
const savePoll = 250 * time.Millisecond

// saveOver writes a change on top of the record, whatever else has changed in it meanwhile, as long as its grant is the one
// that was used and no other holder has the lease. It returns the session as it is then; when another replica has refreshed
// the grant, it returns that replica's. When the record is gone it answers ErrNoSession: a deletion wins.
//
// During an outage of the store it tries again for stepTime. With waiting, which is called with the session as it will be, it
// also tries again while another replica has the lease: the token endpoint does not give the same grant twice. Without waiting,
// a lost lease is an error at once.
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
