package quota

import (
	"context"
	"net/http"
	"strings"
	"time"
)

const (
	// checkTime bounds one request to the ledger.
	checkTime = time.Second
	// newsLostCheck is how old the known state of a gate may be while no news of it comes.
	newsLostCheck = 100 * time.Millisecond
	// probeCheck is how often the calls that wait for the first one ask the ledger by themselves.
	probeCheck = 250 * time.Millisecond
)

// gate is what one replica knows of a gate that all share.
type gate struct {
	checked  time.Time // when the ledger answered last; zero when it must be asked
	asked    time.Time // when it was asked last
	checking bool
	down     bool // the ledger did not answer last
	claimed  bool // the ledger was asked for the first call then
	again    bool // news came while checking or changing
	changes  int  // by answers to calls of this replica: what was asked before the last of them is outdated
	changing int  // of them, those that the ledger has not answered yet
	closed   bool
	until    time.Time
	opened   time.Time // last; zero while it never was closed
	reason   Reason
	first    time.Time     // until when a call of this replica may go first; zero when none may
	probing  bool          // the call that goes first is under way from here
	renewed  *time.Timer   // asks again for that call, so that no other replica makes one; nil unless probing
	changed  chan struct{} // closed at the next change
}

func newGate() *gate { return &gate{changed: make(chan struct{})} }

func (g *gate) left(now time.Time) time.Duration {
	if !g.closed {
		return 0
	}
	return max(0, g.until.Sub(now))
}

// set takes over what the ledger says.
func (g *gate) set(state GateState, now time.Time) {
	if g.closed && !state.Closed {
		g.opened = now
	}
	g.checked, g.closed, g.until, g.reason, g.first = now, state.Closed, now.Add(state.Left), state.Reason, time.Time{}
	if state.First {
		g.first = now.Add(probeTime)
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// mustCheck tells whether the ledger must be asked: nothing is known, no news would come, or the time has run out.
func (g *gate) mustCheck(now time.Time, newsLost bool) bool {
	if g.checking || g.changing > 0 || g.probing {
		return false
	}
	old := now.Sub(g.checked)
	return g.checked.IsZero() || newsLost && old > newsLostCheck || g.closed && g.left(now) == 0 && g.first.Before(now) && (old > probeCheck || !g.claimed)
}

// awaitsAnswer tells whether calls wait for the answer of the ledger because no news comes and what is known is old. They do
// not wait for long for a ledger that did not answer last.
func (g *gate) awaitsAnswer(now time.Time) bool {
	return g.checking && now.Sub(g.checked) > newsLostCheck && (!g.down || now.Sub(g.asked) < newsLostCheck)
}

// passGate waits until the gate of a turn lets its call leave, and tells whether it is the call that goes first. Writes do
// not wait for a gate.
func (l *Limiter) passGate(ctx context.Context, turn Turn, deadline time.Time) (first bool, err error) {
	for {
		l.mu.Lock()
		g, now := l.gates[turn.Bucket], l.options.Now()
		if g.mustCheck(now, l.newsLost) {
			l.checkLocked(turn.Bucket, g, l.name)
		}
		wait, refusal := checkTime, error(nil)
		switch left := g.left(now); {
		case g.checked.IsZero(): // nothing is known yet
		case l.newsLost && g.awaitsAnswer(now):
			wait = newsLostCheck
		case !g.closed:
			l.mu.Unlock()
			return false, nil
		case left > 0:
			wait, refusal = left, &LimitedError{Reason: g.reason, RetryAfter: left}
		case now.Before(g.first) && !g.probing:
			g.probing = true
			l.renewProbeLocked(turn.Bucket, g)
			l.mu.Unlock()
			return true, nil
		case g.checking, g.changing > 0: // this call may be the one that goes first: nothing but the ledger's answer is waited for
		default:
			wait, refusal = probeCheck, &LimitedError{Reason: g.reason, RetryAfter: leastShut}
		}
		changed := g.changed
		l.mu.Unlock()
		if refusal != nil && (turn.Priority == PriorityWrite || now.Add(wait).After(deadline)) {
			return false, refusal
		}
		if err := waitFor(ctx, changed, wait); err != nil {
			return false, err
		}
	}
}

// checkLocked asks the ledger, in a goroutine of its own. A call that waits gives the holder's name, to go first when the time
// has run.
func (l *Limiter) checkLocked(bucket Bucket, g *gate, holder string) {
	g.checking, g.claimed, g.asked = true, holder != "", l.options.Now()
	changes := g.changes
	l.goLocked(func() {
		ctx, cancel := context.WithTimeout(context.Background(), checkTime)
		defer cancel()
		state, err := l.options.Gates.Check(ctx, bucket, holder)
		if left, reason := l.GateLeft(bucket); err == nil && !state.Closed && left > leastShut { // the ledger has lost it
			state, err = l.options.Gates.Shut(ctx, bucket, left, reason)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		now := l.options.Now()
		g.checking, g.down = false, err != nil
		switch {
		case g.changes != changes: // the ledger may have answered before it was told
			g.again = true
		case err != nil: // what is known holds on; without the ledger each replica goes first by itself
			g.set(GateState{Closed: g.closed, Left: g.left(now), Reason: g.reason, First: g.closed && g.left(now) == 0}, now)
		default:
			g.set(state, now)
		}
		l.checkAgainLocked(bucket, g)
	})
}

// checkAgainLocked asks the ledger once more if that has become necessary while it was asked or told something.
func (l *Limiter) checkAgainLocked(bucket Bucket, g *gate) {
	if g.again && !g.checking && g.changing == 0 {
		g.again = false
		l.checkLocked(bucket, g, "")
	}
}

// observe takes the state of the gate from the answer to a call; res is nil when there was none.
func (l *Limiter) observe(turn Turn, first bool, res *http.Response) {
	if first && res != nil {
		l.endProbe(turn.Bucket)
	}
	switch {
	case res != nil && res.StatusCode == http.StatusTooManyRequests:
		left := retryAfter(res.Header, l.options.Now())
		reason := ReasonRate
		if l.options.IsQuota != nil && l.options.IsQuota(res) {
			reason = ReasonQuota
		}
		l.change(turn.Bucket, GateState{Closed: true, Left: max(left, leastShut), Reason: reason}, func(ctx context.Context) (GateState, error) {
			return l.options.Gates.Shut(ctx, turn.Bucket, left, reason)
		})
	case first && res != nil:
		l.change(turn.Bucket, GateState{}, func(ctx context.Context) (GateState, error) {
			return GateState{}, l.options.Gates.Open(ctx, turn.Bucket)
		})
	case first:
		l.passProbe(turn.Bucket)
	}
}

// renewProbeLocked keeps others from making the first call as long as this replica's is under way.
func (l *Limiter) renewProbeLocked(bucket Bucket, g *gate) {
	g.renewed = time.AfterFunc(probeTime/3, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if g.probing && !l.closed {
			l.goLocked(func() {
				ctx, cancel := context.WithTimeout(context.Background(), checkTime)
				defer cancel()
				_, _ = l.options.Gates.Check(ctx, bucket, l.name) // without the ledger each replica goes first by itself
			})
			l.renewProbeLocked(bucket, g)
		}
	})
}

// mayGoFirst tells whether the gate lets its first call leave.
func (l *Limiter) mayGoFirst(bucket Bucket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.gates[bucket]
	return g.left(l.options.Now()) == 0
}

// endProbe ends a call that went first.
func (l *Limiter) endProbe(bucket Bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gates[bucket].endProbe()
}

func (g *gate) endProbe() {
	if g.probing {
		g.renewed.Stop()
	}
	g.probing, g.first = false, time.Time{}
}

// passProbe lets another call go first, here or on another replica: the one that was to had no answer, or was not made.
func (l *Limiter) passProbe(bucket Bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.goLocked(func() {
		ctx, cancel := context.WithTimeout(context.Background(), checkTime)
		defer cancel()
		_ = l.options.Gates.Pass(ctx, bucket, l.name) // else the others wait for probeTime
		l.endProbe(bucket)
		l.Heard(bucket)
	})
}

// change takes a state into use here at once, and then the one that all replicas agree on.
func (l *Limiter) change(bucket Bucket, here GateState, everywhere func(context.Context) (GateState, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g, now := l.gates[bucket], l.options.Now()
	here.Left = max(here.Left, g.left(now))
	if !here.Closed {
		here.Left = 0
	}
	g.set(here, now)
	g.changes++
	g.changing++
	change := g.changes
	l.goLocked(func() {
		ctx, cancel := context.WithTimeout(context.Background(), checkTime)
		defer cancel()
		state, err := everywhere(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		g.changing--
		if err == nil && g.changes == change {
			g.set(state, l.options.Now())
		}
		l.checkAgainLocked(bucket, g)
	})
}

// Heard says that a gate may have changed, on another replica or while no news came.
func (l *Limiter) Heard(bucket Bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.gates[bucket]; g != nil {
		g.again = true
		l.checkAgainLocked(bucket, g)
	}
}

// Missed says that news of the gates comes again, and that some may have been missed.
func (l *Limiter) Missed() {
	l.hear(false)
	for bucket := range l.gates {
		l.Heard(bucket)
	}
}

// Lost says that no news of the gates comes until the next Missed. The ledger is asked meanwhile.
func (l *Limiter) Lost() { l.hear(true) }

func (l *Limiter) hear(newsLost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newsLost = newsLost
}

// GateLeft is how long a gate will keep calls back, and why; zero when it is open.
func (l *Limiter) GateLeft(bucket Bucket) (time.Duration, Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.gates[bucket]
	return g.left(l.options.Now()), g.reason
}

// retryAfter reads the Retry-After of an answer (RFC 9110 section 10.2.3), at most a day; zero when it is absent or
// invalid.
func retryAfter(h http.Header, now time.Time) time.Duration {
	given := h.Get("Retry-After")
	if given != "" && strings.Trim(given, "0123456789") == "" {
		return min(deltaSeconds(given), mostShut)
	}
	date, err := http.ParseTime(given)
	if err != nil {
		return 0
	}
	if said, err := http.ParseTime(h.Get("Date")); err == nil { // by the clock that wrote it
		now = said
	}
	return max(0, min(date.Sub(now), mostShut))
}

// waitFor waits for a channel to close, for so long at most, or returns the context's error.
func waitFor(ctx context.Context, changed <-chan struct{}, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-timer.C:
	}
	return nil
}
