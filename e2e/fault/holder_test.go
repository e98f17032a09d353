package fault

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// lease is how long the lease of a replica that died lives on.
const lease = 10 * time.Second

// inTime is the expectation that no request waits much longer than that.
func inTime(r *trial, waited time.Duration) {
	r.Helper()
	r.expect("the others go on within the lease + 1s", waited < r.within(lease+time.Second), "it took %v", waited)
}

// holding is a world whose first replica has the lease of a session and hangs in its token call.
type holding struct {
	*stage.World
	before *faultproxy.Proxy
	fan    stage.Fan
	others []stage.Fan
	group  sync.WaitGroup // the request that began it
	begun  time.Time
}

// hold begins the refresh through the first replica. The fault stops it on its way to the token endpoint, or back.
func hold(r *trial, mode simulator.RefreshMode, fault faultproxy.Fault) *holding {
	r.Helper()
	h := &holding{}
	h.World = stage.NewWorld(r, stage.Options{Replicas: 3, Users: 6, Prepare: beforeTokens(&h.before)})
	if err := h.Spotify.SetRefreshMode(mode); err != nil {
		r.Fatal(err)
	}
	crowd := h.ExpiredCrowd(6)
	h.fan, h.others = crowd[0], crowd[1:]
	h.before.Set(fault)
	h.Through(0)
	h.begun = time.Now()
	h.group.Go(func() { _, _ = h.fan.Try("GET", "/api/me", "") }) // it may be killed with its replica
	sessiontest.Eventually(r, 20*time.Second, "the holder has its lease", func() bool { return len(h.LeaseKeys()) == 1 })
	if fault.HoldAnswers {
		answered := simulator.Filter{Match: simulator.Match{Token: h.fan.Refresh}, Done: true}
		if _, err := h.Spotify.AwaitSeen(r.Context(), answered, 1); err != nil {
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
	h.Redis.Advance(skipped)
	r.load += fmt.Sprintf("; %v of the lease are skipped", skipped)
	return skipped
}

// elsewhere sends requests of the session through the other replicas, and returns how long they waited.
func (h *holding) elsewhere(answers *stage.History, requests int) time.Duration {
	begin := time.Now()
	var group sync.WaitGroup
	for i := range requests {
		group.Go(func() {
			h.Out[0].Store(true)
			h.Through(-1)
			if i == 0 {
				answers.All(h.others, 1)
			}
			answers.Me(h.fan)
		})
	}
	group.Wait()
	return time.Since(begin)
}

func holderKilledBeforeTheCall(r *trial) {
	requests := size(r, 20, 100)
	h := hold(r, simulator.RefreshRotate, faultproxy.Fault{HoldRequests: true})
	r.loaded("3 replicas; the holder dies while its call hangs before the token endpoint; %d requests elsewhere", requests)
	h.Replicas[0].Signal(syscall.SIGKILL)
	h.before.Cut() // what was on its way is lost
	h.before.Set(faultproxy.Fault{})
	answers := stage.NewHistory()
	waited := h.skipLease(r) + h.elsewhere(answers, requests)
	h.group.Wait()
	inTime(r, waited)
	r.expect("0 failed requests elsewhere", answers.Count(stage.OK) == answers.Count(), "%v", answers)
	r.expect("1 refresh of the session", h.Spotify.Counts().RefreshTokens[h.fan.Refresh] == 1,
		"the token was presented %d times", h.Spotify.Counts().RefreshTokens[h.fan.Refresh])
	r.measure("%v after %s", answers, seconds(waited))
	lawful(answers, r)
	tokensOnce(h.World, r)
}

func holderKilledBeforeTheSave(r *trial) {
	requests := size(r, 20, 100)
	h := hold(r, simulator.RefreshRotate, faultproxy.Fault{HoldAnswers: true})
	r.loaded("3 replicas, 6 sessions, no grace for spent tokens; the holder dies after the token endpoint rotated; %d requests elsewhere", requests)
	h.Replicas[0].Signal(syscall.SIGKILL)
	h.before.Cut()
	h.before.Set(faultproxy.Fault{})
	answers := stage.NewHistory()
	waited := h.skipLease(r) + h.elsewhere(answers, requests)
	h.group.Wait()
	r.expect("the one session ends cleanly", answers.Count(stage.Reauthorize) == requests, "%v", answers)
	r.expect("no other session does", answers.Count(stage.OK) == len(h.others), "%v", answers)
	inTime(r, waited)
	r.measure("%v after %s; sessions ended: 1 of %d", answers, seconds(waited), 1+len(h.others))
	h.fan.Login(h.fan.User)
	sessionsGoOn(r, append(h.others, h.fan))
	lawful(answers, r)
}

// holderSleeps stops the holder just before it gets its answer, which it finds when it wakes up.
func holderSleeps(r *trial) {
	asleep := size(r, 3*time.Second, 20*time.Second)
	h := hold(r, simulator.RefreshKeep, faultproxy.Fault{HoldAnswers: true})
	r.loaded("3 replicas; SIGSTOP of the holder for %v, its answer arrives meanwhile; another replica refreshes", asleep)
	h.Replicas[0].Signal(syscall.SIGSTOP)
	h.before.Set(faultproxy.Fault{})
	answers := stage.NewHistory()
	waited := h.skipLease(r) + h.elsewhere(answers, 10)
	sessiontest.Eventually(r, asleep+20*time.Second, "the holder has slept enough", func() bool { return time.Since(h.begun) > asleep })
	before := record(h.World, r)
	h.Replicas[0].Signal(syscall.SIGCONT)
	h.group.Wait()
	woke := func() bool {
		return len(h.Replicas[0].Logged(func(l stage.LogLine) bool { return l.Msg == "audit" && l.Event == "refresh" })) > 0
	}
	sessiontest.Eventually(r, 20*time.Second, "the holder has done what it wanted to", woke)
	r.expect("the stale holder writes nothing", record(h.World, r) == before, "the records changed")
	inTime(r, waited)
	r.expect("0 failed requests elsewhere", answers.Count(stage.OK) == answers.Count(), "%v", answers)
	r.measure("%v after %s, %d calls with the one token", answers, seconds(waited), h.Spotify.Counts().RefreshTokens[h.fan.Refresh])
	h.Out[0].Store(false)
	h.Spotify.ExpireAccessTokens()
	sessionsGoOn(r, append(h.others, h.fan))
	lawful(answers, r)
}

// record is every session's record in Redis, as one text.
func record(w *stage.World, r *trial) string {
	r.Helper()
	var all strings.Builder
	for _, key := range w.SessionKeys() {
		value, err := w.Redis.Do("GET", key)
		if err != nil {
			r.Fatal(err)
		}
		fmt.Fprintln(&all, key, value)
	}
	return all.String()
}
