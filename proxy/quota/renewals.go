package quota

import (
	"math"
	"time"
)

const (
	// paceGain is how quickly renewals use up what is left above the reserve: with so much left it would be gone in that part
	// of the window. A larger one lets them leave in bursts, which come back a window later.
	paceGain = 8
	// reservedShare is the part of the calls that renewals leave to requests for which nothing is kept.
	reservedShare = 0.15
	// openRate is how many calls a second may leave at each replica when a gate has just opened, of those for which something
	// is kept; twice as many every openDouble, until openTime after.
	openRate   = 8
	openDouble = 2 * time.Second
	openTime   = 20 * time.Second
)

// pace lets calls for which something is kept already leave evenly, rather than as many as there are and then none for the rest of
// the window. Its fields are guarded by Limiter.mu.
type pace struct {
	renewals renewals
	tokens   float64   // calls that may leave now
	counted  time.Time // when tokens was counted
}

// reserve is how many calls are left to requests for which nothing is kept.
func (l *Limiter) reserve() int { return int(reservedShare*float64(l.config.Calls)) + 1 }

// spareLocked is how many calls may leave here without using what is reserved.
func (l *Limiter) spareLocked(now time.Time) float64 {
	return max(0, float64(l.roomLocked(now))+l.partOf(l.left-l.reserve()))
}

// rateLocked is how many renewals a second may leave here: the more the more is left, so that it settles where as many leave
// as come back.
func (l *Limiter) rateLocked(now time.Time) float64 {
	if l.config.Calls == 0 {
		return openRate * math.Exp2(now.Sub(l.gates[BucketAll].opened).Seconds()/openDouble.Seconds())
	}
	return paceGain * l.spareLocked(now) / l.config.Window.Seconds()
}

// opensLocked tells whether the gate opened lately. Where no budget paces calls, all that is stale would be renewed at once
// then, and the gate be closed again.
func (l *Limiter) opensLocked(now time.Time) bool {
	opened := l.gates[BucketAll].opened
	return !opened.IsZero() && now.Sub(opened) < openTime
}

// takeTokenLocked tells whether a call for which something is kept may leave now; then it counts.
func (l *Limiter) takeTokenLocked(now time.Time) bool {
	rate := l.rateLocked(now)
	l.tokens = min(l.tokens+rate*now.Sub(l.counted).Seconds(), max(1, rate))
	l.counted = now
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}

// renewLocked lets renewals leave in their turn.
func (l *Limiter) renewLocked() {
	for len(l.renewals) > 0 {
		now := l.options.Now()
		w := l.renewals.first(now, func(t Turn) bool { return l.overShareLocked(t) && l.othersLocked(t) })
		switch {
		case w == nil:
			l.dispatchLaterLocked(now, now.Add(l.drawTime()))
			return
		case l.config.Calls > 0 && (l.roomLocked(now) == 0 || l.spareLocked(now) == 0):
			l.drawLocked(now, true)
			return
		case !l.takeTokenLocked(now):
			l.dispatchLaterLocked(now, now.Add(leastDraw))
			return
		}
		l.renewals.remove(w)
		l.letGoLocked(w)
	}
}

// renewals are the calls that renew what is kept, and that no request waits for.
type renewals []*waiter

func (r *renewals) add(w *waiter) {
	w.index = len(*r)
	*r = append(*r, w)
}

func (r *renewals) remove(w *waiter) {
	last := (*r)[len(*r)-1]
	(*r)[w.index], last.index = last, w.index
	*r = (*r)[:len(*r)-1]
	w.index = -1
}

// first is the renewal that makes answers youngest: of what is asked for most and oldest. Held ones are left out; nil when
// all are.
func (r renewals) first(now time.Time, held func(Turn) bool) (best *waiter) {
	most := -1.0
	for _, w := range r {
		worth := now.Sub(w.turn.Since).Seconds() * float64(w.turn.asks())
		if worth > most && !held(w.turn) {
			best, most = w, worth
		}
	}
	return best
}

// asks is how often what a call renews was asked for since it was new.
func (t Turn) asks() int64 {
	if t.Asked == nil {
		return 1
	}
	return max(1, t.Asked.Load())
}
