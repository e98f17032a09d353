package e2e

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// lease is how long the lease of a replica that died lives on.
const lease = 10 * time.Second

// inTime is the expectation that nobody waits much longer than that.
func inTime(r *trial, waited time.Duration) {
	r.Helper()
	r.expect("the others go on within the lease + 1s", waited < r.within(lease+time.Second), "it took %v", waited)
}

// holding is a world whose first replica has the lease of a session and hangs in its token call.
type holding struct {
	*world
	before *faultproxy.Proxy
	fan    fan
	others []fan
	group  sync.WaitGroup // the request that began it
	begun  time.Time
}

// hold begins the refresh through the first replica. The fault stops it on its way to the token endpoint, or back.
func hold(r *trial, mode simulator.RefreshMode, fault faultproxy.Fault) *holding {
	r.Helper()
	h := &holding{}
	h.world = newWorld(r, options{replicas: 3, users: 6, prepare: beforeTokens(&h.before)})
	if err := h.spotify.SetRefreshMode(mode); err != nil {
		r.Fatal(err)
	}
	crowd := h.expiredCrowd(6)
	h.fan, h.others = crowd[0], crowd[1:]
	h.before.Set(fault)
	h.through(0)
	h.begun = time.Now()
	h.group.Go(func() { _, _ = h.fan.try("GET", "/api/me", "") }) // it may be killed with its replica
	sessiontest.Eventually(r, 20*time.Second, "the holder has its lease", func() bool { return len(h.leaseKeys()) == 1 })
	if fault.HoldAnswers {
		answered := simulator.Filter{Match: simulator.Match{Token: h.fan.refresh}, Done: true}
		if _, err := h.spotify.AwaitSeen(r.Context(), answered, 1); err != nil {
			r.Fatal(err)
		}
	} else {
		sessiontest.Eventually(r, 20*time.Second, "the call is on its way", func() bool { return h.before.Open() > 0 })
	}
	return h
}

// skipLease lets most of the holder's lease pass in Redis, so that the short set need not wait for it. It returns how much.
func (h *holding) skipLease(r *trial) time.Duration {
	if r.full {
		return 0
	}
	const skipped = lease - 2*time.Second
	h.redis.Advance(skipped)
	r.load += fmt.Sprintf("; %v of the lease are skipped", skipped)
	return skipped
}

// elsewhere sends requests of the session through the other replicas, and returns how long they waited.
func (h *holding) elsewhere(answers *history, requests int) time.Duration {
	begin := time.Now()
	var group sync.WaitGroup
	for i := range requests {
		group.Go(func() {
			h.away[0].Store(true)
			h.through(-1)
			if i == 0 {
				answers.all(h.others, 1)
			}
			answers.me(h.fan)
		})
	}
	group.Wait()
	return time.Since(begin)
}

func holderKilledBeforeTheCall(r *trial) {
	requests := size(r, 20, 100)
	h := hold(r, simulator.RefreshRotate, faultproxy.Fault{HoldRequests: true})
	r.loaded("3 replicas; the holder dies while its call hangs before the token endpoint; %d requests elsewhere", requests)
	h.replicas[0].signal(syscall.SIGKILL)
	h.before.Cut() // what was on its way is lost
	h.before.Set(faultproxy.Fault{})
	answers := newHistory()
	waited := h.skipLease(r) + h.elsewhere(answers, requests)
	h.group.Wait()
	inTime(r, waited)
	r.expect("0 failed requests elsewhere", answers.count(ok) == answers.count(), "%v", answers)
	r.expect("1 refresh of the session", h.spotify.Counts().RefreshTokens[h.fan.refresh] == 1,
		"the token was presented %d times", h.spotify.Counts().RefreshTokens[h.fan.refresh])
	r.measure("%v after %s", answers, seconds(waited))
	answers.lawful(r)
	h.tokensOnce(r)
}

func holderKilledBeforeTheSave(r *trial) {
	requests := size(r, 20, 100)
	h := hold(r, simulator.RefreshRotate, faultproxy.Fault{HoldAnswers: true})
	r.loaded("3 replicas, 6 sessions, no grace for spent tokens; the holder dies after the token endpoint rotated; %d requests elsewhere", requests)
	h.replicas[0].signal(syscall.SIGKILL)
	h.before.Cut()
	h.before.Set(faultproxy.Fault{})
	answers := newHistory()
	waited := h.skipLease(r) + h.elsewhere(answers, requests)
	h.group.Wait()
	r.expect("the one session ends cleanly", answers.count(reauthorize) == requests, "%v", answers)
	r.expect("no other session does", answers.count(ok) == len(h.others), "%v", answers)
	inTime(r, waited)
	r.measure("%v after %s; sessions ended: 1 of %d", answers, seconds(waited), 1+len(h.others))
	h.fan.login(h.fan.user)
	sessionsGoOn(r, append(h.others, h.fan))
	answers.lawful(r)
}

// holderSleeps stops the holder just before it gets its answer, which it finds when it wakes up.
func holderSleeps(r *trial) {
	asleep := size(r, 3*time.Second, 20*time.Second)
	h := hold(r, simulator.RefreshKeep, faultproxy.Fault{HoldAnswers: true})
	r.loaded("3 replicas; SIGSTOP of the holder for %v, its answer arrives meanwhile; another replica refreshes", asleep)
	h.replicas[0].signal(syscall.SIGSTOP)
	h.before.Set(faultproxy.Fault{})
	answers := newHistory()
	waited := h.skipLease(r) + h.elsewhere(answers, 10)
	sessiontest.Eventually(r, asleep+20*time.Second, "the holder has slept enough", func() bool { return time.Since(h.begun) > asleep })
	before := h.record(r)
	h.replicas[0].signal(syscall.SIGCONT)
	h.group.Wait()
	woke := func() bool {
		return len(h.replicas[0].logged(func(l logLine) bool { return l.Msg == "audit" && l.Event == "refresh" })) > 0
	}
	sessiontest.Eventually(r, 20*time.Second, "the holder has done what it wanted to", woke)
	r.expect("the stale holder writes nothing", h.record(r) == before, "the records changed")
	inTime(r, waited)
	r.expect("0 failed requests elsewhere", answers.count(ok) == answers.count(), "%v", answers)
	r.measure("%v after %s, %d calls with the one token", answers, seconds(waited), h.spotify.Counts().RefreshTokens[h.fan.refresh])
	h.away[0].Store(false)
	h.spotify.ExpireAccessTokens()
	sessionsGoOn(r, append(h.others, h.fan))
	answers.lawful(r)
}

// record is every session's record in Redis, as one text.
func (w *world) record(r *trial) string {
	r.Helper()
	var all strings.Builder
	for _, key := range w.sessionKeys() {
		value, err := w.redis.Do("GET", key)
		if err != nil {
			r.Fatal(err)
		}
		fmt.Fprintln(&all, key, value)
	}
	return all.String()
}
