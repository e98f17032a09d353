package quota

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// LimiterConfig is what a Limiter goes by.
type LimiterConfig struct {
	// Calls is how many calls of the Web API may leave in any Window, of all replicas together; zero means that only
	// Spotify's 429 says.
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

	mu    sync.Mutex // guards what follows
	deaf  bool
	gates map[Bucket]*gate
	budget
}

// NewLimiter makes a limiter that has not asked anybody yet.
func NewLimiter(o LimiterOptions) *Limiter {
	l := &Limiter{
		options: o, name: rand.Text(), gates: map[Bucket]*gate{BucketAll: newGate(), BucketImages: newGate()},
		budget: newBudget(o.Config),
	}
	return l
}

// Close gives back what has not been used and waits for what is under way.
func (l *Limiter) Close() {
	l.mu.Lock()
	l.giveBackLocked()
	l.mu.Unlock()
	l.background.Wait()
}

// Call makes one call as soon as it is its turn. It returns a LimitedError when that would take too long, the context's error, or
// what send returns.
func (l *Limiter) Call(ctx context.Context, turn Turn, send func() (*http.Response, error)) (*http.Response, error) {
	first, err := l.await(ctx, turn)
	if err != nil {
		return nil, err
	}
	res, err := send()
	l.finish(turn)
	l.observe(turn, first, res)
	return res, err
}

// await waits for the gate and for the budget. The gate may close while a call waits for the budget.
func (l *Limiter) await(ctx context.Context, turn Turn) (first bool, err error) {
	l.mu.Lock()
	deadline := l.options.Now().Add(l.config.Wait)
	l.mu.Unlock()
	if first, err = l.passGate(ctx, turn, deadline); err != nil || first {
		l.spend(turn, first)
		return first, err
	}
	waited, err := l.passBudget(ctx, turn, deadline)
	if err != nil || !waited {
		return false, err
	}
	if first, err = l.passGate(ctx, turn, deadline); err != nil {
		l.finish(turn)
	}
	return first, err
}

// Scarce tells whether a call would have to wait now: then what is kept serves although it is stale.
func (l *Limiter) Scarce(turn Turn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gates[turn.Bucket].closed || l.shortLocked(turn)
}
