package quota

import (
	"context"
	"time"
)

// holds is what a replica holds of the budget, and what it knows of the others. Its fields are guarded by Limiter.mu.
type holds struct {
	hold    int       // calls that are held
	until   time.Time // when they must have been drawn again
	claimed time.Time // until when the allowance counts them
	cut     time.Time // when some of them were given to others last

	left      int            // calls that no replica holds, as far as known
	short     bool           // there were fewer than were wanted
	lowShort  bool           // there were fewer for what is of low urgency
	hungry    bool           // another replica holds less than its part and wants more
	replicas  int            // zero while that is not known
	spent     int            // calls of the other replicas that count
	elsewhere map[string]int // calls of sessions in the window, at the other replicas that told of them
	others    int            // sessions that have called at the other replicas and were not told of

	serial   int64
	requests int // since the last draw
	heavy    int // calls since then of sessions that made many
	drawing  bool
	drawn    chan struct{} // closed when the draw has ended
	last     time.Time     // when the last draw began
	alone    time.Time     // since when the allowance cannot be asked; zero while it can
	cautious time.Time     // until when others may have made calls that the allowance does not know of
	beat     *time.Timer   // for the next draw that nothing waits for; nil before the first
	closed   bool
}

func newHolds(calls int) holds { return holds{left: calls, drawn: make(chan struct{})} }

// partOf is an equal part of a number of calls.
func (h *holds) partOf(calls int) float64 { return float64(calls) / float64(max(1, h.replicas)) }

// mostLocked is how many calls of this replica may count. While the allowance cannot be asked, a replica keeps to what it
// holds and to an equal part of the budget. It holds an equal part once all calls that others made before count no longer: those
// that held more may have made the last of them at the end of their lease.
func (l *Limiter) mostLocked(now time.Time) int {
	part := 0
	if l.replicas > 0 {
		part = l.config.Calls / l.replicas
	}
	switch {
	case now.Before(l.until):
		return l.hold
	case l.alone.IsZero():
		return 0 // it draws first
	case now.Before(l.alone.Add(leaseTime(l.config.Window) + l.config.Window + inFlight)):
		return min(l.hold, part)
	default:
		return part
	}
}

// moreLocked is when there may be more calls.
func (l *Limiter) moreLocked(now time.Time, low bool) time.Time {
	at := l.nextDrawLocked(now, low)
	if back := l.sent.next(now); !back.IsZero() && back.Before(at) {
		return back
	}
	return at
}

// nextDrawLocked is when there may be a draw: at once, unless the last one has shown that there is nothing more. Then it
// takes a time in which others may have given something back, and as many requests as are worth a draw. Who holds less than
// an equal part may ask sooner, because others give back for it.
func (l *Limiter) nextDrawLocked(now time.Time, low bool) time.Time {
	switch {
	case !l.alone.IsZero():
		return l.last.Add(l.drawTime())
	case !l.short && !(low && l.lowShort):
		return now
	case l.requests >= drawRequests:
		return l.last.Add(l.drawTime())
	case l.hold < int(l.partOf(l.config.Calls)):
		return l.last.Add(tellTime(l.config.Window))
	default:
		return l.last.Add(l.config.Window / 2)
	}
}

// drawLocked asks for more calls as soon as it may. For calls of low urgency some are left to others.
func (l *Limiter) drawLocked(now time.Time, low bool) {
	if l.drawing {
		return
	}
	if at := l.nextDrawLocked(now, low); now.Before(at) {
		l.dispatchLaterLocked(now, l.moreLocked(now, low))
		return
	}
	most := max(1, l.config.Calls/8)
	want := max(1, l.config.Calls/32, min(most, int(l.partOf(l.left))/2))
	keep := 0
	if low {
		want = min(want, 1+int(l.rateLocked(now)*l.drawTime().Seconds()))
		keep = l.reserve()
	} else {
		want = min(most, max(want, len(l.queue)))
	}
	l.startDrawLocked(now, Draw{Want: want, Keep: keep})
}

// learnLocked draws now and then while calls are short, and when a session makes many while others ask, so that the replicas
// know of each other's sessions.
func (l *Limiter) learnLocked(now time.Time) {
	heavy := l.replicas > 1 && float64(l.heavy) >= max(2, l.partOf(1)*l.shareLocked()/4) && l.othersLocked(Turn{})
	due := l.short && l.requests >= drawRequests && !now.Before(l.nextDrawLocked(now, false))
	if !l.drawing && (due || heavy && now.Sub(l.last) >= leastDraw) {
		l.startDrawLocked(now, Draw{Want: max(0, min(len(l.queue), l.config.Calls/8)-l.roomLocked(now))})
	}
}

// beatLocked draws without a request that waits for it, so that the replica is counted among those that share, and holds
// some calls when the allowance is down.
func (l *Limiter) beatLocked(now time.Time) {
	if !l.drawing && l.config.Calls > 0 {
		l.startDrawLocked(now, Draw{Idle: true, Want: max(0, l.standingLocked()-l.roomLocked(now)), Keep: l.config.Calls / 4})
	}
}

// standingLocked is how many calls a replica holds that it does not need at present.
func (l *Limiter) standingLocked() int {
	if l.hungry {
		return int(l.partOf(l.config.Calls / 8))
	}
	return int(l.partOf(l.config.Calls / 2))
}

// Beat draws soon: another replica is there, or needs what this one holds.
func (l *Limiter) Beat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armLocked(max(0, l.last.Add(l.drawTime()).Sub(l.options.Now())))
}

// armLocked has the next draw happen after a while if nothing needs one before.
func (l *Limiter) armLocked(after time.Duration) {
	switch {
	case l.closed || l.config.Calls == 0:
	case l.beat == nil:
		l.beat = time.AfterFunc(after, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.beatLocked(l.options.Now())
		})
	default:
		l.beat.Reset(after)
	}
}

// keepLocked is how many calls the replica goes on holding. When another one needs some, it gives back what it does not
// need, and of what comes back to it above an equal part one half.
func (l *Limiter) keepLocked(now time.Time) int {
	hold, spent := l.hold, l.spentLocked(now)
	if !now.Before(l.claimed) || l.closed {
		return spent
	}
	hold = min(hold, spent+max(l.standingLocked(), len(l.queue)))
	part, since, most := int(l.partOf(l.config.Calls)), now.Sub(l.cut), tellTime(l.config.Window)
	if l.hungry && hold > part && since >= most/2 {
		back := float64(hold) * min(since, most).Seconds() / l.config.Window.Seconds()
		hold, l.cut = max(part, hold-max(1, int(back/2))), now
	}
	return hold
}

// startDrawLocked makes a draw, of which only Idle, Want and Keep are given, unless the limiter is closed.
func (l *Limiter) startDrawLocked(now time.Time, d Draw) {
	if !l.closed {
		l.background.Go(l.beginDrawLocked(now, d))
	}
}

// beginDrawLocked returns what makes a draw. It must be called.
func (l *Limiter) beginDrawLocked(now time.Time, d Draw) (draw func()) {
	spent, hold := l.spentLocked(now), l.keepLocked(now)
	if l.hungry && hold >= int(l.partOf(l.config.Calls)) {
		d.Want = 0
	}
	l.serial++
	d.Replica, d.Serial, d.Calls, d.Window, d.Leaving = l.name, l.serial, l.config.Calls, l.config.Window, l.closed
	d.Spent, d.Holds, d.Replicas = spent, max(spent, hold), l.replicas
	d.Cautious = !l.alone.IsZero() || now.Before(l.cautious)
	d.Heavy, d.Others = l.heavyLocked(now)
	if now.Before(l.claimed) {
		l.hold = hold // also if the answer is lost
	}
	l.drawing, l.last, l.requests, l.heavy = true, now, 0, 0
	return func() { l.draw(d, hold, now) }
}

func (l *Limiter) draw(d Draw, hold int, begun time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	grant, err := l.options.Allowance.Draw(ctx, d)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Now()
	l.drawing = false
	close(l.drawn)
	l.drawn = make(chan struct{})
	if err != nil {
		if l.alone.IsZero() {
			l.alone = now
		}
		l.armLocked(l.drawTime())
		l.dispatchLocked()
		return
	}
	if d.Cautious && !l.alone.IsZero() {
		l.alone, l.cautious = time.Time{}, now.Add(gatherTime)
	}
	l.hold, l.until = hold+grant.Count, begun.Add(leaseTime(d.Window))
	l.claimed = l.until.Add(d.Window)
	if l.replicas = max(grant.Replicas, d.Replicas); !now.Before(l.cautious) { // else some have not drawn again yet
		l.replicas = grant.Replicas
	}
	l.left, l.spent, l.hungry = grant.Left, grant.Spent, grant.Hungry
	l.short = grant.Left == 0 || grant.Count < max(1, d.Want) && d.Keep == 0 && !d.Idle
	l.lowShort = grant.Count < max(1, d.Want) && !d.Idle // nothing was wanted when another replica needs it more
	l.elsewhere, l.others = grant.Elsewhere, grant.Others
	l.armLocked(leaseTime(d.Window) * 3 / 5)
	l.dispatchLocked()
}
