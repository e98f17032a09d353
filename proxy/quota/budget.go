package quota

import (
	"container/heap"
	"context"
	"time"
)

const (
	// leastDraw and mostDraw bound the time between two draws of which the first brought less than was wanted; it is a tenth
	// of the window.
	leastDraw = 100 * time.Millisecond
	mostDraw  = time.Second
	// drawRequests is how many requests there must be for one more draw while calls are short, so that draws cost little.
	drawRequests = 64
	// mostHeavy is how many sessions the replicas tell each other of.
	mostHeavy = 16
	// patience is how many windows a call waits that no request waits for.
	patience = 4
)

// budget is one replica's part of the calls that all replicas may make: it holds so many, and may make them again a window
// after they were answered. So most calls need no question. Its fields are guarded by Limiter.mu.
type budget struct {
	config LimiterConfig
	queue  waiters
	pace
	sent    rolling             // calls that have been answered
	out     int                 // calls that have left and are not answered
	session map[string]*rolling // calls of each session in the window
	laterAt time.Time           // when dispatchLocked will be called by a timer; zero for never
	holds
}

func newBudget(c LimiterConfig) budget {
	return budget{config: c, sent: newRolling(c.Window), session: map[string]*rolling{}, holds: newHolds(c.Calls)}
}

// spentLocked is how many calls of this replica count now.
func (l *Limiter) spentLocked(now time.Time) int { return l.sent.count(now) + l.out }

// roomLocked is how many calls may leave now.
func (l *Limiter) roomLocked(now time.Time) int { return max(0, l.mostLocked(now)-l.spentLocked(now)) }

// passBudget waits for a call's turn in the budget, and tells whether it took a while.
func (l *Limiter) passBudget(ctx context.Context, turn Turn, deadline time.Time) (waited bool, err error) {
	l.mu.Lock()
	now := l.options.Now()
	if turn.Since.IsZero() {
		turn.Since = now
	}
	if l.config.Calls == 0 && !(turn.Patient && l.opensLocked(now)) {
		l.out++
		l.mu.Unlock()
		return false, nil
	}
	w := &waiter{turn: turn, late: l.overShareLocked(turn), ready: make(chan struct{})}
	if turn.Patient {
		l.renewals.add(w)
	} else {
		heap.Push(&l.queue, w)
		l.requests++
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
	now := l.options.Now()
	return nil, &LimitedError{Reason: reason, RetryAfter: max(leastShut, l.moreLocked(now, false).Sub(now))}
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

// dispatchLocked lets calls leave in their order, as far as they are held, and draws more when they are not.
func (l *Limiter) dispatchLocked() {
	l.learnLocked(l.options.Now())
	for len(l.queue) > 0 {
		now, w := l.options.Now(), l.queue[0]
		if late := l.overShareLocked(w.turn); late != w.late {
			w.late = late
			heap.Fix(&l.queue, 0)
			continue
		}
		low := w.turn.Priority == PriorityLow
		switch {
		case w.late && l.othersLocked(w.turn):
			l.dispatchLaterLocked(now, now.Add(l.drawTime()))
			return
		case l.roomLocked(now) == 0, low && l.spareLocked(now) < 1:
			l.drawLocked(now, low)
			return
		}
		heap.Pop(&l.queue)
		l.letGoLocked(w)
	}
	l.renewLocked()
}

func (l *Limiter) letGoLocked(w *waiter) {
	l.spendLocked(w.turn)
	close(w.ready)
}

// drawTime is the least time between draws while calls are short.
func (l *Limiter) drawTime() time.Duration { return min(max(l.config.Window/10, leastDraw), mostDraw) }

func (l *Limiter) dispatchLaterLocked(now, at time.Time) {
	if !l.laterAt.IsZero() && !at.Before(l.laterAt) {
		return
	}
	l.laterAt = at
	time.AfterFunc(max(at.Sub(now), time.Millisecond), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.laterAt.Equal(at) {
			l.laterAt = time.Time{}
			l.dispatchLocked()
		}
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
	if float64(mine.count(now)) >= l.partOf(1)*l.shareLocked()/2 {
		l.heavy++
	}
}

// finish counts a call that has been answered, or that will not be made after all.
func (l *Limiter) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finishLocked()
}

func (l *Limiter) finishLocked() {
	l.out--
	l.sent.add(l.options.Now())
}

// shortLocked tells whether a call for which something is kept has to wait for its turn.
func (l *Limiter) shortLocked(turn Turn) bool {
	if l.config.Calls == 0 {
		now := l.options.Now()
		return l.opensLocked(now) && !l.takeTokenLocked(now)
	}
	if len(l.queue) > 0 || l.overShareLocked(turn) && l.othersLocked(turn) {
		return true
	}
	now := l.options.Now()
	return float64(l.roomLocked(now))+l.partOf(l.left) < l.partOf(l.config.Calls/2) && !l.takeTokenLocked(now)
}
