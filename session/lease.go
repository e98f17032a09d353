package session

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// leaseTime is how long a replica that died keeps the others from refreshing; a living one renews it.
	leaseTime = 10 * time.Second
	// leasePoll is how often a replica looks whether another one has finished.
	leasePoll = 50 * time.Millisecond
)

// awaitLease returns nil once the holder has the lease, or the session once another replica has refreshed it. It always
// looks before it asks for the lease: a store that hangs may carry out what it was asked long after the answer was given
// up, and a lease without a holder would keep everybody waiting.
func (m *Manager) awaitLease(s *Session, why need, holder string) (*Session, error) {
	ctx, cancel := step()
	defer cancel()
	if err := pauseFor(ctx, m.away.calm()); err != nil {
		return nil, errTooLong
	}
	for {
		current, err := m.load(ctx, s.place)
		if err != nil {
			return nil, err
		}
		if current.record.ended || !why.of(current.record, m.options.Now()) {
			return current, nil
		}
		held, err := m.options.Leases.Hold(ctx, s.key, holder, leaseTime)
		if err != nil || held {
			return nil, err
		}
		if err := pauseFor(ctx, leasePoll); err != nil {
			return nil, errTooLong
		}
	}
}

// renewLease extends the lease until the returned function is called, however long the token endpoint takes.
func (m *Manager) renewLease(s *Session, holder string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pauseFor(ctx, leaseTime/3) == nil {
			held, err := m.options.Leases.Hold(ctx, s.key, holder, leaseTime)
			if ctx.Err() == nil && (err != nil || !held) {
				m.options.Log.Warn("the lease of a refresh could not be renewed",
					zap.String("session", s.Label()), zap.Bool("held_by_another", err == nil), zap.Error(err))
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (m *Manager) releaseLease(s *Session, holder string) {
	ctx, cancel := step()
	defer cancel()
	if err := m.options.Leases.Release(ctx, s.key, holder); err != nil { // it runs out by itself
		m.options.Log.Debug("a lease was not released", zap.String("session", s.Label()), zap.Error(err))
	}
}
