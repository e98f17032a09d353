package session

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// leaseTime is how long a replica that died keeps the others from refreshing; a living one renews it.
	leaseTime = 10 * time.Second
	// leasePoll is how often a replica checks whether another one has finished.
	leasePoll = 50 * time.Millisecond
)

// acquireLease waits for the lease. Acquired tells whether the holder has it; if not, and without an error, another replica has
// refreshed the session meanwhile, and refreshed is the session as it is then.
//
// It always loads the session before it asks for the lease: a store that hangs may carry out a command long after its caller
// has given up, and a lease without a holder would keep every replica waiting.
func (r *refresher) acquireLease(s *Session, why need, holder string) (acquired bool, refreshed *Session, err error) {
	ctx, cancel := step()
	defer cancel()
	if err := sleep(ctx, r.vault.outage.calm()); err != nil {
		return false, nil, errTooLong
	}
	for {
		current, err := r.load(ctx, s.recordKey)
		if err != nil {
			return false, nil, err
		}
		if current.record.ended || !why.of(current.record, r.now()) {
			return false, current, nil
		}
		acquired, err := r.leases.Hold(ctx, s.key, holder, leaseTime)
		if err != nil || acquired {
			return acquired, nil, err
		}
		if err := sleep(ctx, leasePoll); err != nil {
			return false, nil, errTooLong
		}
	}
}

// renewLease extends the lease until the returned function is called, however long the token endpoint takes.
func (r *refresher) renewLease(s *Session, holder string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, leaseTime/3) == nil {
			held, err := r.leases.Hold(ctx, s.key, holder, leaseTime)
			if ctx.Err() == nil && (err != nil || !held) {
				r.log.Warn("the lease of a refresh could not be renewed",
					zap.String("session", s.Label()), zap.Bool("held_by_another", err == nil), zap.Error(err))
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (r *refresher) releaseLease(s *Session, holder string) {
	ctx, cancel := step()
	defer cancel()
	if err := r.leases.Release(ctx, s.key, holder); err != nil { // it runs out by itself
		r.log.Debug("a lease was not released", zap.String("session", s.Label()), zap.Error(err))
	}
}
