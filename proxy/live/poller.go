package live

import (
	"context"
	"math/rand/v2"
	"time"

	"stagedoor/internal/outcome"
)

const (
	// leaseTime is how long a replica that died keeps the others from polling.
	leaseTime = 8 * time.Second
	// leaseRetry is how often the others try to get the lease.
	leaseRetry = 900 * time.Millisecond
	// pollTime bounds a poll. So does the lease; see shortestPoll.
	pollTime = 6 * time.Second
	// leastGap is the least time between the end of a poll and the begin of the next one, but for one after a command. A poll
	// may reach Spotify at any time from its begin to its end, so no two of them are closer there.
	leastGap = time.Second
	// shortestPoll is what a lease must leave a poll, so that it ends leastGap before another replica may poll.
	shortestPoll = 2 * time.Second
	// commandDelay is how long after a command Spotify is asked for its effect.
	commandDelay = 200 * time.Millisecond
	// commandTime is how long after a command the polls do not become idle: Spotify may take a moment to show what it did.
	commandTime = 10 * time.Second
	// endDelay is how long after the predicted end of a track Spotify is asked for the next.
	endDelay = 250 * time.Millisecond
	// longestBackoff bounds the time between two polls that fail.
	longestBackoff = 30 * time.Second
	// checkEvery, newsLostCheck and leastCheck are the times between two checks of the owner's record: while changes are reported,
	// while they are not, and at least.
	checkEvery    = 5 * time.Second
	newsLostCheck = time.Second
	leastCheck    = 200 * time.Millisecond
	// storePatience is how long the lease may be unknown before listeners get an event.
	storePatience = 3 * time.Second
	// storeReason is the reason in that event.
	storeReason = "STORE_UNAVAILABLE"
)

// poller keeps the state of a topic up to date while it has listeners: by polls while it has the lease, else by what the
// replica tells that has it. All of it runs in one goroutine.
type poller struct {
	*topic
	leased   time.Time // until then the lease is ours
	lease    time.Time // when it is tried next, or renewed
	answered time.Time // when the store last said which replica has the lease
	check    time.Time // when the owner's record is checked next
	next     time.Time // when the next poll is due
	last     time.Time // when the last poll began
	ended    time.Time // when the last poll ended
	followed time.Time // when the last poll after a command ended
	failures int       // in a row
	tries    int       // for the lease, without a state
	blocked  time.Time // nothing is done before, because it is unknown whether there is an owner
	storeOut bool      // the listeners were told so
	spread   bool      // its time among those of other pollers is chosen
	paced    bool      // the lease was first tried when the hub said
}

func newPoller(t *topic) *poller { return &poller{topic: t, answered: time.Now()} }

// run works until ctx ends.
func (p *poller) run(ctx context.Context) {
	defer p.release()
	p.lease, p.paced = p.hub.pace(), true
	for ctx.Err() == nil {
		if p.count() > 0 {
			p.work(ctx)
		}
		p.wait(ctx)
	}
}

// wait returns when something is due, or new.
func (p *poller) wait(ctx context.Context) {
	var due <-chan time.Time
	if p.count() > 0 {
		timer := time.NewTimer(max(time.Until(p.due()), 0))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-p.signal:
	}
}

// due is when there is something to do.
func (p *poller) due() time.Time {
	due := earlier(p.check, p.lease)
	if p.mayPoll(time.Now()) {
		due = earlier(due, p.pollDue())
	}
	return later(due, p.blocked)
}

// pollDue is when the next poll is due. One that follows a command may come sooner.
func (p *poller) pollDue() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := later(p.next, p.ended.Add(leastGap))
	if p.commanded.IsZero() {
		return due
	}
	return earlier(due, later(p.commanded.Add(commandDelay), p.followed.Add(leastGap)))
}

func (p *poller) holds(now time.Time) bool { return now.Before(p.leased) }

// mayPoll tells whether the lease lasts for another poll.
func (p *poller) mayPoll(now time.Time) bool { return now.Add(shortestPoll).Before(p.pollEnd()) }

// pollEnd is when a poll must have ended because another replica may acquire the lease soon.
func (p *poller) pollEnd() time.Time { return p.leased.Add(-leastGap) }

// work does what is due: it checks the owner's record, then the lease, then polls.
func (p *poller) work(ctx context.Context) {
	now := time.Now()
	if now.Before(p.blocked) {
		return
	}
	polls := p.mayPoll(now) && !now.Before(p.pollDue())
	if p.take(&p.changed) || polls || !now.Before(p.check) {
		if !p.checkOwner(ctx) {
			return
		}
	}
	if polls || !now.Before(p.lease) {
		p.hold(ctx)
	}
	now = time.Now()
	switch held := p.holds(now); {
	case p.mayPoll(now) && !now.Before(p.pollDue()):
		p.poll(ctx)
	case held && p.take(&p.asked):
		p.repeat(ctx)
	case !held && p.take(&p.missed):
		p.ask(ctx)
	}
}

// checkOwner tells whether there still is an owner that may be polled for.
func (p *poller) checkOwner(ctx context.Context) bool {
	until, problem := p.source.Check(ctx)
	_, _, newsLost := p.hub.times()
	every := checkEvery
	if newsLost || problem != nil {
		every = newsLostCheck
	}
	p.check = time.Now().Add(every)
	switch {
	case ctx.Err() != nil:
		return false
	case problem == nil:
		if left := time.Until(until); left < 2*every { // the next check comes before the record expires, and is its use
			p.check = time.Now().Add(max(left/2, leastCheck))
		}
		return true
	case problem.Event == outcome.EventDelayed:
		p.delay(newDelayed(problem.Reason, seconds(every)))
		p.storeOut, p.blocked = true, p.check
		return false
	default:
		p.end(ctx, problem)
		return false
	}
}

// hold acquires or renews the lease. A replica that acquires it polls at once, unless many others just have.
func (p *poller) hold(ctx context.Context) {
	before, had := time.Now(), p.holds(time.Now())
	held, err := p.hub.options.Leases.Acquire(ctx, leaseKey(p.id), p.holder, leaseTime)
	switch {
	case ctx.Err() != nil:
	case err != nil: // a lease that this replica has lasts until it expires
		p.lease = time.Now().Add(leaseRetry)
		if !p.holds(time.Now()) && time.Since(p.answered) > storePatience {
			p.storeOut = true
			p.delay(newDelayed(storeReason, seconds(leaseRetry)))
		}
	case held:
		p.leased, p.lease = before.Add(leaseTime), before.Add(leaseTime/2)
		if !had {
			p.next = before
			if !p.paced {
				p.next = p.hub.pace()
			}
			if p.hub.lostNews(leaseTime) { // the store may have forgotten who had the lease
				p.next = later(p.next, time.Now().Add(leastGap))
			}
		}
		p.paced = false
		p.settle()
	default:
		p.paced = false
		p.leased, p.lease = time.Time{}, time.Now().Add(leaseRetry)
		p.settle()
		p.mu.Lock()
		known := p.state != nil
		p.commanded = time.Time{} // the holder has heard of it
		p.mu.Unlock()
		if !known && p.tries%5 == 0 {
			p.ask(ctx)
		}
		p.tries++
	}
}

// settle says that the store answers.
func (p *poller) settle() {
	p.answered = time.Now()
	if p.storeOut && p.failures == 0 {
		p.recover()
	}
	p.storeOut = false
}

// poll asks Spotify once.
func (p *poller) poll(ctx context.Context) {
	begun := time.Now()
	p.mu.Lock()
	follows := !p.commanded.IsZero()
	p.commanded, p.missed = time.Time{}, false
	p.mu.Unlock()
	bounded, cancel := context.WithDeadline(ctx, earlier(begun.Add(pollTime), p.pollEnd()))
	body, problem := p.source.Poll(bounded)
	cancel()
	p.last, p.ended = begun, time.Now()
	if follows {
		p.followed = p.ended
	}
	if ctx.Err() != nil {
		return
	}
	took := p.ended.Sub(begun)
	var s *state
	if problem == nil {
		var err error
		if s, err = parseState(body, begun.Add(took/2)); err != nil {
			problem = &Problem{Event: outcome.EventDelayed, Reason: "UPSTREAM_UNREACHABLE"}
		}
	}
	switch {
	case problem == nil:
		p.tellState(ctx, s)
	case problem.Event == outcome.EventDelayed:
		p.failed(ctx, problem)
	default:
		result := outcome.PollEnded
		if problem.Event == outcome.EventFailed {
			result = outcome.PollFailed
		}
		p.hub.options.Metrics.Polled(result)
		p.end(ctx, problem)
	}
}

// tellState takes in what a poll has brought, and plans the next one.
func (p *poller) tellState(ctx context.Context, s *state) {
	p.failures, p.storeOut = 0, false
	every, idle, _ := p.hub.times()
	now := time.Now()
	wait := idle
	if s.playing || now.Sub(p.followed) < commandTime {
		wait = every
	}
	p.next = p.last.Add(jitter(wait))
	if !p.spread && p.hub.crowded() { // once: pollers that began together poll at different times from now on
		p.spread = true
		p.next = p.last.Add(leastGap + rand.N(max(wait-leastGap, 0)+1)) //nolint:gosec // G404: no secret
	}
	if end := s.end.Add(endDelay); !s.end.IsZero() && end.Before(p.next) {
		p.next = later(end, p.last.Add(leastGap))
	}
	asked := p.take(&p.asked)
	result := outcome.PollUnchanged
	if changed := p.apply(s); changed {
		result = outcome.PollChanged
		p.repeat(ctx)
	} else if asked {
		p.repeat(ctx)
	}
	p.hub.options.Metrics.Polled(result)
}

// repeat tells the other replicas what is known.
func (p *poller) repeat(ctx context.Context) {
	p.mu.Lock()
	s, delayed := p.state, p.delayed
	p.mu.Unlock()
	if s != nil {
		p.tell(ctx, news{From: p.holder, Event: outcome.EventState, Data: s.data, At: s.at.UnixMilli()})
	}
	if delayed != nil {
		p.tell(ctx, news{From: p.holder, Event: outcome.EventDelayed, Data: delayed.data})
	}
}

// failed plans the next poll after one without an answer.
func (p *poller) failed(ctx context.Context, problem *Problem) {
	p.hub.options.Metrics.Polled(outcome.PollDelayed)
	every, _, _ := p.hub.times()
	wait := min(max(every<<min(p.failures, 5), problem.RetryAfter), longestBackoff)
	p.failures++
	p.next = time.Now().Add(wait + rand.N(wait/4+1)) //nolint:gosec // G404: no secret; polls shall not meet
	data := newDelayed(problem.Reason, seconds(max(wait, problem.RetryAfter)))
	if p.delay(data) {
		p.tell(ctx, news{From: p.holder, Event: outcome.EventDelayed, Data: data})
	}
}

// end ends the topic on all replicas.
func (p *poller) end(ctx context.Context, problem *Problem) {
	p.tell(context.WithoutCancel(ctx), news{From: p.holder, Event: problem.Event, Data: problem.Body, Code: problem.Status})
	p.hub.end(p.topic, problem)
}

// release lets another replica poll, but not sooner than a second after the last poll.
func (p *poller) release() {
	if !p.holds(time.Now()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	left := max(time.Until(p.ended.Add(leastGap)), time.Millisecond)
	_, _ = p.hub.options.Leases.Acquire(ctx, leaseKey(p.id), p.holder, left) // else it runs out by itself
}

// leaseKey is the key of a topic's lease. A session's record has another kind of key.
func leaseKey(id string) string { return "live:" + id }

// jitter makes a time a little shorter or longer, so that polls which began together do not stay so.
func jitter(d time.Duration) time.Duration {
	return d - d/40 + rand.N(d/20+1) //nolint:gosec // G404: no secret
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
