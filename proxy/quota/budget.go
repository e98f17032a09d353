package quota

import (
	"container/heap"
	"context"
	"time"
)

const (
	// leastDraw and mostDraw bound the time between two draws of which the first brought nothing, or all that was left.
	leastDraw = 250 * time.Millisecond
	mostDraw  = time.Second
	// patience is how many windows a call waits that no request waits for.
	patience = 4
	// inFlight is how long a call may take to reach Spotify once it has left.
	inFlight = time.Second
)

// budget is one replica's part of the calls that all replicas may make. Calls are drawn from the Allowance in leases, so
// that most calls need no question. Its fields are guarded by Limiter.mu.
type budget struct {
	config  LimiterConfig
	queue   waiters
	sent    rolling // calls that have been answered
	out     int     // calls that have left and are not answered
	last    time.Time
	session map[string]*rolling // calls of each session in the window

	lease   string
	permits int // not used yet
	used    int
	expires time.Time

	drawing   bool
	drawn     chan struct{} // closed when the draw has ended
	notBefore time.Time     // of the next draw
	left      int           // calls that no replica has, as far as known
	replicas  int
	unbooked  int // calls without a lease, which the next draw tells of
}

func newBudget(c LimiterConfig) budget {
	return budget{
		config: c, sent: newRolling(c.Window), session: map[string]*rolling{}, left: c.Calls, replicas: 1,
		drawn: make(chan struct{}),
	}
}

// passBudget waits for a place in the budget, and tells whether it took a while.
func (l *Limiter) passBudget(ctx context.Context, turn Turn, deadline time.Time) (waited bool, err error) {
	l.mu.Lock()
	now := l.options.Now()
	if turn.Since.IsZero() {
		turn.Since = now
	}
	w := &waiter{turn: turn, late: l.overShareLocked(turn), ready: make(chan struct{})}
	if l.config.Calls == 0 {
		l.out++
		l.mu.Unlock()
		return false, nil
	}
	heap.Push(&l.queue, w)
	l.dispatchLocked()
	l.mu.Unlock()
	if turn.Patient {
		deadline = now.Add(patience * l.config.Window)
	}
	var drawn <-chan struct{}
	for {
		if err := l.waitTurn(ctx, w, drawn, deadline.Sub(l.options.Now())); err != nil {
			return false, err
		}
		if drawn, err = l.giveUp(w); drawn == nil || err != nil {
			return l.options.Now().After(now), err
		}
		deadline = l.options.Now().Add(lookTime)
	}
}

// waitTurn waits for a turn, or for so long. A draw that ends may have brought it.
func (l *Limiter) waitTurn(ctx context.Context, w *waiter, drawn <-chan struct{}, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-drawn:
	case <-timer.C:
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.removeLocked(w) { // its turn had come
			l.permits++
			l.used--
			l.out--
			l.dispatchLocked()
		}
		return ctx.Err()
	}
	return nil
}

// giveUp takes a call whose time has run out from the queue, unless a draw is under way: then it returns what is closed
// when that ends. It returns neither that nor an error when the call's turn has come.
func (l *Limiter) giveUp(w *waiter) (drawn <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drawing && w.index >= 0 {
		return l.drawn, nil
	}
	if !l.removeLocked(w) {
		return nil, nil //nolint:nilnil // as the comment says
	}
	reason := ReasonBudget
	if l.overShareLocked(w.turn) {
		reason = ReasonShare
	}
	return nil, &LimitedError{Reason: reason, RetryAfter: max(leastShut, l.notBefore.Sub(l.options.Now()))}
}

func (l *Limiter) removeLocked(w *waiter) bool {
	if w.index < 0 {
		return false
	}
	heap.Remove(&l.queue, w.index)
	return true
}

// dispatchLocked lets calls leave in their order, as far as there are permits, and draws more when there are none.
func (l *Limiter) dispatchLocked() {
	for len(l.queue) > 0 {
		now := l.options.Now()
		if l.permits == 0 || !now.Before(l.expires) {
			l.drawLocked(now)
			return
		}
		w := l.queue[0]
		if l.overShareLocked(w.turn) && l.othersLocked(w.turn) && l.permits+l.left <= l.config.Calls/4 {
			l.dispatchLaterLocked(mostDraw)
			return
		}
		heap.Pop(&l.queue)
		l.permits--
		l.spendLocked(w.turn)
		close(w.ready)
	}
}

func (l *Limiter) dispatchLaterLocked(d time.Duration) {
	time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dispatchLocked()
	})
}

// spend counts a call that leaves without waiting for the budget, because it goes first through a gate.
func (l *Limiter) spend(turn Turn, first bool) {
	if !first {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unbooked++
	l.out++
	l.used--
	l.spendLocked(turn)
	l.out--
}

// spendLocked counts a call that leaves.
func (l *Limiter) spendLocked(turn Turn) {
	l.out++
	l.used++
	if turn.Session == "" {
		return
	}
	now := l.options.Now()
	mine := l.session[turn.Session]
	if mine == nil {
		for session, calls := range l.session { // a few at a time, so that sessions of long ago go
			if calls.count(now) == 0 {
				delete(l.session, session)
			}
		}
		own := newRolling(l.config.Window)
		mine = &own
		l.session[turn.Session] = mine
	}
	mine.add(now)
}

// finish counts a call that has been answered, or that will not be made after all.
func (l *Limiter) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out--
	l.last = l.options.Now()
	l.sent.add(l.last)
}

// overShareLocked tells whether a session has used up its share.
func (l *Limiter) overShareLocked(turn Turn) bool {
	if turn.Session == "" || l.config.Calls == 0 {
		return false
	}
	mine := l.session[turn.Session]
	return mine != nil && float64(mine.count(l.options.Now())) >= max(1, l.config.UserShare*float64(l.config.Calls))
}

// othersLocked tells whether other sessions have called in the window.
func (l *Limiter) othersLocked(turn Turn) bool {
	now := l.options.Now()
	for session, calls := range l.session {
		if session != turn.Session && calls.count(now) > 0 {
			return true
		}
	}
	return false
}

// shortLocked tells whether a call would have to wait for the budget, or would take what little is left.
func (l *Limiter) shortLocked(turn Turn) bool {
	if l.config.Calls == 0 {
		return false
	}
	return len(l.queue) > 0 || l.permits+l.left < max(1, l.config.Calls/20) || l.overShareLocked(turn) && l.othersLocked(turn)
}

// drawLocked asks for more calls, and settles those before.
func (l *Limiter) drawLocked(now time.Time) {
	if l.drawing {
		return
	}
	if now.Before(l.notBefore) {
		l.dispatchLaterLocked(l.notBefore.Sub(now))
		return
	}
	d := l.settlementLocked(now)
	d.Want = max(1, l.config.Calls/16)
	if l.left < l.config.Calls/4 {
		d.Want = min(d.Want, len(l.queue))
	}
	if l.queue[0].turn.Priority == PriorityLow {
		d.Keep = l.config.Calls / 20
	}
	l.drawing = true
	l.background.Go(func() { l.draw(d) })
}

// settlementLocked says what became of the lease, and forgets it.
func (l *Limiter) settlementLocked(now time.Time) Draw {
	d := Draw{
		Replica: l.name, Calls: l.config.Calls, Window: l.config.Window,
		Lease: l.lease, Used: l.used, Idle: now.Sub(l.last), Unbooked: l.unbooked,
	}
	if l.out > 0 {
		d.Idle = -inFlight
	}
	l.lease, l.used, l.permits, l.unbooked = "", 0, 0, 0
	return d
}

func (l *Limiter) draw(d Draw) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	grant, err := l.options.Allowance.Draw(ctx, d)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Now()
	l.drawing = false
	close(l.drawn)
	l.drawn = make(chan struct{})
	if err != nil {
		l.drawAloneLocked(d, now)
	} else {
		l.lease, l.permits, l.left, l.replicas = grant.Lease, grant.Count, grant.Left, max(1, grant.Replicas)
		l.expires = now.Add(leaseTime(l.config.Window))
		switch {
		case grant.Count == 0:
			l.notBefore = now.Add(min(max(grant.Next, leastDraw), mostDraw))
		case grant.Left == 0: // what comes back meanwhile is drawn together
			l.notBefore = now.Add(2 * leastDraw)
		}
		if lease := grant.Lease; grant.Count > 0 {
			time.AfterFunc(leaseTime(l.config.Window), func() { l.settle(lease) })
		}
	}
	l.dispatchLocked()
}

// drawAloneLocked keeps to this replica's share as last known, while the allowance cannot be asked.
func (l *Limiter) drawAloneLocked(d Draw, now time.Time) {
	l.unbooked += d.Unbooked + d.Used // told once the allowance can be asked; until then a window after its lease
	share := max(1, l.config.Calls/l.replicas)
	l.permits = max(0, share-l.sent.count(now)-l.out)
	l.expires = now.Add(leastDraw)
	l.left = 0
	if l.permits == 0 {
		l.notBefore = now.Add(mostDraw)
	}
}

// settle gives back the calls of a lease that has ended, if some were not used.
func (l *Limiter) settle(lease string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease == lease && l.permits > 0 && !l.drawing {
		l.giveBackLocked()
	}
}

func (l *Limiter) giveBackLocked() {
	if l.lease == "" || l.drawing {
		return
	}
	d := l.settlementLocked(l.options.Now())
	l.drawing = true
	l.background.Go(func() { l.draw(d) })
}

// waiter is a call that waits for its turn.
type waiter struct {
	turn  Turn
	late  bool          // its session has used up its share
	ready chan struct{} // closed when the call may leave
	index int           // in the queue; -1 when it is not there
}

// waiters are a heap: the call of the highest priority first, and of those the oldest. Sessions that have used up their
// share come behind all others.
type waiters []*waiter

func (w waiters) Len() int { return len(w) }
func (w waiters) Less(i, j int) bool {
	if w[i].late != w[j].late {
		return w[j].late
	}
	if w[i].turn.Priority != w[j].turn.Priority {
		return w[i].turn.Priority > w[j].turn.Priority
	}
	return w[i].turn.Since.Before(w[j].turn.Since)
}

func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

// Push implements heap.Interface.
func (w *waiters) Push(x any) {
	added := x.(*waiter)
	added.index = len(*w)
	*w = append(*w, added)
}

// Pop implements heap.Interface.
func (w *waiters) Pop() any {
	last := (*w)[len(*w)-1]
	last.index = -1
	*w = (*w)[:len(*w)-1]
	return last
}

// rolling counts events in a window that moves on. It rounds up: an event counts up to a 32nd of the window longer.
type rolling struct {
	step    time.Duration
	buckets [33]int32
	newest  int64 // the number of the newest bucket
}

func newRolling(window time.Duration) rolling { return rolling{step: max(1, window/32)} }

func (r *rolling) forward(now time.Time) {
	number := now.UnixNano() / int64(r.step)
	for i := max(r.newest+1, number-int64(len(r.buckets))+1); i <= number; i++ {
		r.buckets[i%int64(len(r.buckets))] = 0
	}
	r.newest = max(r.newest, number)
}

func (r *rolling) add(now time.Time) {
	r.forward(now)
	r.buckets[r.newest%int64(len(r.buckets))]++
}

func (r *rolling) count(now time.Time) int {
	r.forward(now)
	sum := 0
	for _, n := range r.buckets {
		sum += int(n)
	}
	return sum
}
