package quota

import (
	"context"
	"time"
)

// drawLocked asks for more calls, and settles those before. When the calls that wait are held back because others ask, it
// only asks how it stands with the others.
func (l *Limiter) drawLocked(now time.Time, held bool) {
	if l.drawing {
		return
	}
	if now.Before(l.notBefore) {
		l.dispatchLaterLocked(l.notBefore.Sub(now))
		return
	}
	d := l.settlementLocked(now)
	d.Want = max(1, min(l.config.Calls/8, max(len(l.queue), l.left/(2*l.replicas))))
	if len(l.queue) == 0 {
		d.Want = min(d.Want, 1+int(l.rateLocked()*l.drawTime().Seconds()))
	}
	if held {
		d.Want = 0
		l.notBefore = now.Add(l.drawTime())
	}
	if len(l.queue) == 0 || l.queue[0].turn.Priority == PriorityLow {
		d.Keep = l.reserve()
	}
	l.drawing = true
	l.background.Go(func() { l.draw(d) })
}

// settlementLocked says what became of the lease, and forgets it.
func (l *Limiter) settlementLocked(now time.Time) Draw {
	d := Draw{
		Replica: l.name, Calls: l.config.Calls, Window: l.config.Window,
		Lease: l.lease, Used: min(l.used, l.sent.count(now)), Idle: now.Sub(l.last), Out: l.out,
	}
	d.Heavy, d.Others = l.heavyLocked(now)
	l.lease, l.used, l.permits = "", 0, 0
	return d
}

func (l *Limiter) draw(d Draw) {
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
		l.drawAloneLocked(d, now)
	} else {
		l.lease, l.permits, l.left, l.replicas = grant.Lease, grant.Count, grant.Left, max(1, grant.Replicas)
		l.expires, l.alone = now.Add(leaseTime(l.config.Window)), time.Time{}
		l.back = now.Add(grant.Next)
		l.elsewhere, l.others = grant.Elsewhere, grant.Others
		switch { // what comes back meanwhile is drawn together
		case d.Want == 0:
		case grant.Left == 0:
			l.notBefore = now.Add(l.drawTime())
		case grant.Count == 0: // for what is of low urgency
			l.lowAfter = now.Add(l.drawTime())
		}
		if lease := grant.Lease; grant.Count > 0 {
			time.AfterFunc(leaseTime(l.config.Window), func() { l.settle(lease) })
		}
	}
	l.dispatchLocked()
}

// drawAloneLocked keeps to this replica's share as last known, while the allowance cannot be asked. As long as calls of
// before count, a replica that had made fewer than its share stays at that, so that the others' calls fit in the budget.
func (l *Limiter) drawAloneLocked(d Draw, now time.Time) {
	l.lease, l.used = d.Lease, l.used+d.Used // settled once the allowance can be asked
	if l.alone.IsZero() {
		l.alone, l.own = now, l.sent.count(now)+l.out
	}
	share := max(1, l.config.Calls/l.replicas)
	if now.Sub(l.alone) < l.config.Window+leaseTime(l.config.Window) {
		share = min(share, l.own+l.left/l.replicas)
	}
	l.permits = max(0, share-l.sent.count(now)-l.out)
	l.expires = now.Add(l.drawTime())
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
