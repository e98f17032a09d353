package quota

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"time"
)

// LimiterConfig is the configuration of a Limiter.
type LimiterConfig struct {
	// Calls is how many calls of the Web API may leave in any Window, of all replicas together; zero means that only
	// Spotify's 429 limits them.
	Calls  int
	Window time.Duration
	// UserShare is the most of Calls that one session may take while others ask, from 0 to 1.
	UserShare float64
	// Wait is how long a call may wait for its turn; zero for not at all.
	Wait time.Duration
}

// LimiterOptions are what a Limiter works with.
type LimiterOptions struct {
	Config    LimiterConfig
	Gates     Gates
	Allowance Allowance
	// IsQuota tells of a 429 whether Spotify's quota is its reason; nil for never. It may read the body, and must leave it
	// as it was.
	IsQuota func(*http.Response) bool
	// Now is the clock.
	Now func() time.Time
}

// Limiter keeps the calls of all replicas within Spotify's limits. It is safe for concurrent use. Close it.
type Limiter struct {
	options    LimiterOptions
	name       string // of this replica
	background sync.WaitGroup

	mu       sync.Mutex // guards what follows
	newsLost bool
	gates    map[Bucket]*gate
	budget
}

// NewLimiter makes a limiter. It asks the ledger soon, so that it knows of the others before the first request.
func NewLimiter(o LimiterOptions) *Limiter {
	l := &Limiter{
		options: o, name: rand.Text(), gates: map[Bucket]*gate{BucketAll: newGate(), BucketImages: newGate()},
		budget: newBudget(o.Config),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armLocked(0)
	return l
}

// Close waits for what is under way and gives back what has not been used. Call must not be called afterwards.
func (l *Limiter) Close() {
	l.mu.Lock()
	l.closed = true
	if l.beat != nil {
		l.beat.Stop()
	}
	l.mu.Unlock()
	l.background.Wait()
	l.mu.Lock()
	draw := func() {}
	if now := l.options.Now(); l.serial > 0 {
		draw = l.beginDrawLocked(now, Draw{Idle: true})
	}
	l.mu.Unlock()
	draw()
}

// goLocked starts work that Close waits for. After Close it starts none: timers may still fire, and renewals end.
func (l *Limiter) goLocked(work func()) {
	if !l.closed {
		l.background.Go(work)
	}
}

// Call makes one call as soon as it is its turn. It returns a LimitedError when that would take too long, the context's error, or
// what send returns.
func (l *Limiter) Call(ctx context.Context, turn Turn, send func() (*http.Response, error)) (*http.Response, error) {
	l.mu.Lock()
	wait := l.config.Wait
	if turn.Priority == PriorityLogin {
		wait = max(wait, probeTime) // its code has been redeemed
	}
	deadline := l.options.Now().Add(wait)
	l.mu.Unlock()
	first, err := l.await(ctx, turn, deadline)
	if err != nil {
		return nil, err
	}
	for {
		turn.leave()
		res, err := send()
		l.finish()
		l.observe(turn, first, res)
		if err != nil || res.StatusCode != http.StatusTooManyRequests || !turn.Repeatable {
			return res, err
		}
		if first, err = l.await(ctx, turn, deadline); err != nil { // too late for another try: the answer is this one
			return res, ctx.Err()
		}
		_ = res.Body.Close()
	}
}

// await waits for the gate and for the budget, and tells whether the call goes first through the gate. The gate may close,
// or the call's time to go first may run out, while the call waits for the budget.
func (l *Limiter) await(ctx context.Context, turn Turn, deadline time.Time) (first bool, err error) {
	if first, err = l.passGate(ctx, turn, deadline); err != nil {
		return false, err
	}
	if first {
		turn.Priority = PriorityLogin // all others wait for it
	}
	waited, err := l.passBudget(ctx, turn, deadline)
	switch {
	case err != nil:
		if first {
			l.passProbe(turn.Bucket)
		}
		return false, err
	case !waited:
		return first, nil
	case first && l.mayGoFirst(turn.Bucket):
		return true, nil
	case first: // the gate was closed again
		l.endProbe(turn.Bucket)
	}
	if first, err = l.passGate(ctx, turn, deadline); err != nil {
		l.finish()
	}
	return first, err
}

// Scarce tells whether a call would have to wait now: then what is kept serves although it is stale.
func (l *Limiter) Scarce(turn Turn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gates[turn.Bucket].closed || l.shortLocked(turn)
}

// Configure changes the limits.
func (l *Limiter) Configure(c LimiterConfig) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Now()
	if c.Window != l.config.Window {
		spent := l.sent.count(now)
		l.sent, l.session = newRolling(c.Window), map[string]*rolling{}
		if l.config.Calls > 0 { // else there was no budget that they count in
			l.sent.addMany(now, spent)
		}
	}
	if c.Calls != l.config.Calls || c.Window != l.config.Window { // the replicas share out another budget
		l.hold, l.left, l.short, l.lowShort = min(l.hold, l.spentLocked(now)), c.Calls, false, false
	}
	l.config = c
	if c.Calls > 0 {
		l.armLocked(0)
		l.dispatchLocked()
		return
	}
	for _, w := range slices.Concat(l.queue, waiters(l.renewals)) {
		l.removeLocked(w)
		l.out++
		close(w.ready)
	}
	l.dispatchLocked()
}

// State is what a limiter knows at a moment.
type State struct {
	// Calls is how many calls were made in the last window: of all replicas where they share a budget, else of this one.
	Calls int
	// Allowed is how many may be made; zero when that is unknown.
	Allowed int
	// Gate is how long no call will be made, and Reason why.
	Gate   time.Duration
	Reason Reason
}

// State returns what is known now.
func (l *Limiter) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Now()
	state := State{Calls: l.sent.count(now) + l.out, Allowed: l.config.Calls, Gate: l.gates[BucketAll].left(now), Reason: l.gates[BucketAll].reason}
	if l.config.Calls > 0 {
		state.Calls += l.spent
	}
	return state
}
