package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/tracing"
)

// flights are the refreshes under way in this process, at most one for each session.
type flights struct {
	mu      sync.Mutex // guards running
	running map[string]*flight
}

// flight is one refresh, which any number of requests wait for. They wait for its token, not for its end: during an outage
// of the store a flight with a token goes on, and gives the token to requests that arrive meanwhile. So none of them
// begins another refresh with a refresh token that may be spent.
type flight struct {
	span      tracing.Span  // of the whole refresh, in the trace of the request that began it
	published chan struct{} // closed once token and err are set
	once      sync.Once
	token     Token
	err       error
}

func newFlights() *flights { return &flights{running: map[string]*flight{}} }

// join returns the flight of a session, and begins it when there is none.
func (f *flights) join(key string, begin func(*flight)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if running := f.running[key]; running != nil {
		return running
	}
	begun := &flight{published: make(chan struct{})}
	f.running[key] = begun
	begin(begun)
	return begun
}

// end ends a flight. It publishes the outcome after that, so that a request that retries because of it begins another flight.
func (f *flights) end(key string, ended *flight, token Token, err error) {
	f.mu.Lock()
	delete(f.running, key)
	f.mu.Unlock()
	ended.publish(token, err)
}

// publish lets the waiting requests go on; the first outcome counts.
func (f *flight) publish(token Token, err error) {
	f.once.Do(func() {
		f.token, f.err = token, err
		close(f.published)
	})
}

const (
	// leaseTime is how long a replica that died keeps the others from refreshing; a living one renews it.
	leaseTime = 10 * time.Second
	// leasePoll is how often a replica checks whether another one has finished.
	leasePoll = 50 * time.Millisecond
)

// acquireLease waits for the lease. Acquired reports whether the holder has it; if not, and without an error, another replica has
// refreshed the session meanwhile, and refreshed is the session as it is then.
//
// It always loads the session before it asks for the lease: a store that hangs may carry out a command long after its caller
// has given up, and a lease without a holder would keep every replica waiting.
func (r *refresher) acquireLease(ctx context.Context, s *Session, why need, holder string) (acquired bool, refreshed *Session, err error) {
	ctx, cancel := step(ctx)
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
		acquired, err := r.leases.Acquire(ctx, s.key, holder, leaseTime)
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
			held, err := r.leases.Acquire(ctx, s.key, holder, leaseTime)
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

func (r *refresher) releaseLease(ctx context.Context, s *Session, holder string) {
	ctx, cancel := step(ctx)
	defer cancel()
	if err := r.leases.Release(ctx, s.key, holder); err != nil { // it runs out by itself
		r.log.Debug("a lease was not released", zap.String("session", s.Label()), zap.Error(err))
	}
}

// savePoll is how often, at least, the save of a refreshed token is tried again during an outage of the store.
const savePoll = 250 * time.Millisecond

// saveOver writes a change on top of the record, whatever else has changed in it meanwhile, as long as its grant is the one
// that was used and no other holder has the lease. It returns the session as it is then; when another replica has refreshed
// the grant, it returns that replica's. When the record is gone it answers ErrNoSession: a deletion wins.
//
// During an outage of the store it tries again for stepTime. With waiting, which is called with the session as it will be, it
// also tries again while another replica has the lease: the token endpoint does not give the same grant twice. Without waiting,
// a lost lease is an error at once.
func (r *refresher) saveOver(ctx context.Context, s *Session, holder string, change func(*record), waiting func(*Session)) (*Session, error) {
	ctx, cancel := step(ctx)
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
