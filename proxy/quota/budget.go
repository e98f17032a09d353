package quota

import (
	"container/heap"
	"context"
	"time"
)

const (
	// leastDraw and mostDraw bound the time between two draws of which the first brought nothing, or all that was left; it
	// is a tenth of the window.
	leastDraw = 100 * time.Millisecond
	mostDraw  = time.Second
	// mostHeavy is how many sessions the replicas tell each other of.
	mostHeavy = 16
	// patience is how many windows a call waits that no request waits for.
	patience = 4
	// inFlight is how much longer calls count than the replica says, which has sent them before it says so.
	inFlight = time.Second
)

// budget is one replica's part of the calls that all replicas may make. Calls are drawn from the Allowance in leases, so
// that most calls need no question. Its fields are guarded by Limiter.mu.
type budget struct {
	config LimiterConfig
	queue  waiters
	pace
	sent    rolling // calls that have been answered
	out     int     // calls that have left and are not answered
	last    time.Time
	session map[string]*rolling // calls of each session in the window

	lease   string
	permits int // not used yet
	used    int // of the calls that have been answered, those that no lease was settled with
	expires time.Time

	elsewhere map[string]int // calls of sessions in the window, at the other replicas that told of them
	others    int            // sessions that have called at the other replicas and were not told of

	drawing   bool
	later     bool          // dispatchLocked will be called by a timer
	drawn     chan struct{} // closed when the draw has ended
	notBefore time.Time     // of the next draw
	back      time.Time     // when calls come back, as far as known
	left      int           // calls that no replica has, as far as known
	replicas  int
	alone     time.Time // since when the allowance cannot be asked; zero while it can
	own       int       // this replica's calls in the window before that
}

func newBudget(c LimiterConfig) budget {
	return budget{
		config: c, sent: newRolling(c.Window), session: map[string]*rolling{}, left: c.Calls, replicas: 1,
		drawn: make(chan struct{}),
	}
}

// passBudget waits for a permit of the budget, and tells whether it took a while.
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
	if turn.Patient {
		l.renewals.add(w)
	} else {
		heap.Push(&l.queue, w)
	}
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
		deadline = l.options.Now().Add(checkTime)
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
			l.finishLocked()
		}
		return ctx.Err()
	}
	return nil
}

// giveUp removes a call from the queue after its timeout. While a draw is under way, it returns a channel that is closed at the
// end of the draw instead. It returns neither a channel nor an error when the call may leave.
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
	return nil, &LimitedError{Reason: reason, RetryAfter: max(leastShut, l.back.Sub(l.options.Now()))}
}

func (l *Limiter) removeLocked(w *waiter) bool {
	if w.index < 0 {
		return false
	}
	if w.turn.Patient {
		l.renewals.remove(w)
	} else {
		heap.Remove(&l.queue, w.index)
	}
	return true
}

// dispatchLocked lets calls leave in their order, as far as there are permits, and draws more when there are none.
func (l *Limiter) dispatchLocked() {
	for len(l.queue) > 0 {
		now, w := l.options.Now(), l.queue[0]
		if late := l.overShareLocked(w.turn); late != w.late {
			w.late = late
			heap.Fix(&l.queue, 0)
			continue
		}
		held := w.late && l.othersLocked(w.turn)
		if w.turn.Priority == PriorityLow && now.Before(l.lowAfter) {
			l.dispatchLaterLocked(l.lowAfter.Sub(now))
			return
		}
		if l.permits == 0 || !now.Before(l.expires) {
			l.drawLocked(now, held)
			return
		}
		if held {
			l.dispatchLaterLocked(l.drawTime())
			return
		}
		heap.Pop(&l.queue)
		l.letGoLocked(w)
	}
	l.renewLocked()
}

func (l *Limiter) letGoLocked(w *waiter) {
	l.permits--
	l.spendLocked(w.turn)
	close(w.ready)
}

// drawTime is the time between draws while there is nothing to be had.
func (l *Limiter) drawTime() time.Duration { return min(max(l.config.Window/10, leastDraw), mostDraw) }

func (l *Limiter) dispatchLaterLocked(d time.Duration) {
	if l.later {
		return
	}
	l.later = true
	time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.later = false
		l.dispatchLocked()
	})
}

// spendLocked counts a call that leaves.
func (l *Limiter) spendLocked(turn Turn) {
	l.out++
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
	l.finishLocked()
}

func (l *Limiter) finishLocked() {
	l.out--
	l.used++
	l.last = l.options.Now()
	l.sent.add(l.last)
}

// shortLocked tells whether a call for which something is kept has to wait for its turn.
func (l *Limiter) shortLocked(turn Turn) bool {
	if l.config.Calls == 0 {
		return false
	}
	if len(l.queue) > 0 || l.overShareLocked(turn) && l.othersLocked(turn) {
		return true
	}
	return l.permits+l.left < l.config.Calls/2 && !l.takeTokenLocked(l.options.Now())
}
