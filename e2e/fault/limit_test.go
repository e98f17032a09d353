package fault

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

const (
	// limitCalls may leave in limitWindow where the budget is tried.
	limitCalls  = 24
	limitWindow = 3 * time.Second
	// appRoute needs no session, so that callers go on when Redis has lost all of them.
	appRoute = "\n  - {path: /app/, upstream: spotify, credentials: app}\n"
)

// beyond tells of the most calls that left in any window.
const beyond = "no calls beyond `calls` in any window"

// limitedWorld are three replicas with an app route and a quota, and with two Redis servers and a sentinel if it shall fail over.
func limitedWorld(r *trial, quota string, failover bool) *stage.World {
	o := stage.Options{Replicas: 3, Spotify: stage.Listener, Quota: "cache: 0\n" + quota, Routes: appRoute}
	if failover {
		o.Prepare = func(w *stage.World) {
			replica := sessiontest.StartRedis(r)
			sentinel := sessiontest.StartSentinel(r, "stage", w.Redis, replica)
			w.Store = fmt.Sprintf("addresses: [%q]\nsentinel_master: stage", sentinel.Addr())
		}
	}
	w := stage.NewWorld(r, o)
	v := w.Visitor()
	for i := range w.Replicas { // each has the app's token, and knows of the others
		v.At(i, http.MethodGet, "/app/search?type=track&q=a")
	}
	return w
}

// appLoad has callers ask all replicas for something new all the time, until a moment.
func appLoad(w *stage.World, callers int, end time.Time) *limitedAnswers {
	got := newLimitedAnswers()
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			v := w.Visitor()
			for i := 0; ctx.Err() == nil; i++ {
				begun := time.Now()
				a, err := v.TryAt((n+i)%len(w.Replicas), http.MethodGet, fmt.Sprintf("/app/search?type=track&q=%d-%d", n, i))
				got.add(a, err, begun)
				select {
				case <-ctx.Done():
				case <-time.After(30 * time.Millisecond):
				}
			}
		})
	}
	group.Wait()
	return got
}

// budgetWhile uses the budget up for some windows, breaks something in the second one, and counts.
func budgetWhile(w *stage.World, r *trial, name string, broken func()) {
	r.Helper()
	w.Spotify.ForgetSeen()
	begun, windows := time.Now(), size(r, 4, 6)
	end := begun.Add(time.Duration(windows) * limitWindow)
	var group sync.WaitGroup
	var got *limitedAnswers
	group.Go(func() { got = appLoad(w, 9, end) })
	stage.Until(r, begun.Add(limitWindow*3/2))
	broken()
	took := time.Since(begun) - limitWindow*3/2
	group.Wait()
	times := callsAfter(w, begun)
	slices.SortFunc(times, time.Time.Compare)
	most, first, late := 0, 0, 0
	for i, at := range times {
		for at.Sub(times[first]) >= limitWindow {
			first++
		}
		most = max(most, i-first+1)
		if at.After(end.Add(-limitWindow)) {
			late++
		}
	}
	r.expect(beyond, most <= limitCalls, "%s: %d left in one", name, most)
	r.expect("calls leave again", late >= limitCalls/4, "%s: %d in the last window", name, late)
	r.expect("a request gets Spotify's answer, RATE_LIMITED, or 503 while Redis is down, both with Retry-After", got.other == "", "%s: %s", name, got.other)
	r.measure("%s, %s: %d beyond `calls`; %d calls left in %d windows, at most %d in one, %d in the last; %d STORE_UNAVAILABLE", name, seconds(took),
		max(0, most-limitCalls), len(times), windows, most, late, got.storeAway)
}

// gateWhile has the gate closed for a while, breaks something a second later, and looks when calls leave.
func gateWhile(w *stage.World, r *trial, name string, broken func()) {
	r.Helper()
	const slow = 300 * time.Millisecond
	left := size(r, 6*time.Second, 12*time.Second)
	w.Fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI}, Times: 1, Status: http.StatusTooManyRequests,
		Header: http.Header{"Retry-After": {fmt.Sprint(left.Seconds())}},
	})
	w.Spotify.ForgetSeen()
	w.Visitor().At(0, http.MethodGet, "/app/search?type=track&q=rejected")
	closed := time.Now()
	w.Spotify.ClearFaults()
	w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI}, Linger: slow}) // so that the first call can be told
	defer w.Spotify.ClearFaults()
	stage.Until(r, closed.Add(100*time.Millisecond))
	var group sync.WaitGroup
	var got *limitedAnswers
	group.Go(func() { got = appLoad(w, 9, closed.Add(left+size(r, 3*time.Second, 8*time.Second))) })
	stage.Until(r, closed.Add(time.Second))
	broken()
	took := time.Since(closed) - time.Second
	group.Wait()
	after := callsAfter(w, closed)
	if len(after) < 2 {
		r.Fatalf("%s: %d calls left in all", name, len(after))
	}
	early := 0
	for _, at := range after {
		if at.Sub(closed) < left-100*time.Millisecond {
			early++
		}
	}
	alone, most := after[1].Sub(after[0]), 1
	if took+time.Second > left { // Redis was down when the gate opened, so that each replica has a call that goes first
		most = len(w.Replicas)
	}
	first := 0
	for _, at := range after {
		if at.Sub(after[0]) < slow {
			first++
		}
	}
	r.expect("no call leaves from 100 ms after the 429 on until Retry-After has run", early == 0, "%s: %d left", name, early)
	r.expect("one call goes first (one of each replica while Redis is down), the others when it was answered", first <= most,
		"%s, %v: %d left before the first was answered", name, took, first)
	r.expect("a request gets Spotify's answer, RATE_LIMITED, or 503 while Redis is down, both with Retry-After", got.other == "", "%s: %s", name, got.other)
	r.measure("%s, %s: %d calls during a Retry-After of %v; the first left %s after the 429, the second %s after that; %d RATE_LIMITED, %d STORE_UNAVAILABLE", name,
		seconds(took), early, left, seconds(after[0].Sub(closed)), seconds(alone), got.limited, got.storeAway)
}

// restarts are the ways in which Redis restarts.
func restarts(w *stage.World, r *trial) map[string]func() {
	down := func() { stage.Until(r, time.Now().Add(500*time.Millisecond)) }
	ways := map[string]func(){
		"without its data": func() {
			w.Redis.Kill()
			w.Redis.Lose()
			down()
			w.Redis.Start()
		},
	}
	if r.full {
		ways["with its data"] = func() {
			w.Redis.Kill()
			down()
			w.Redis.Start()
		}
	}
	return ways
}

func budgetOverRestart(r *trial) {
	w := limitedWorld(r, fmt.Sprintf("calls: %d\nwindow: %v\nwait: 500ms", limitCalls, limitWindow), false)
	r.loaded("3 replicas, 9 callers at once that want more than %d calls in %v; Redis is killed, and is back half a second later", limitCalls, limitWindow)
	for name, restart := range restarts(w, r) {
		budgetWhile(w, r, name, restart)
	}
}

func gateOverRestart(r *trial) {
	w := limitedWorld(r, "wait: 0s", false)
	r.loaded("3 replicas, 9 callers at once; one is answered 429, and a second later Redis is killed, and is back half a second later")
	for name, restart := range restarts(w, r) {
		gateWhile(w, r, name, restart)
	}
}

// failOver kills the master, and waits until the replicas have the other one.
func failOver(w *stage.World, r *trial) func() {
	return func() {
		w.Redis.Kill()
		sessiontest.Eventually(r, 30*time.Second, "a replica notices", func() bool { return !w.Replicas[0].Ready() })
		sessiontest.Eventually(r, 30*time.Second, "there is a new master", func() bool {
			return w.Replicas[0].Ready() && w.Replicas[1].Ready() && w.Replicas[2].Ready()
		})
	}
}

func budgetOverFailover(r *trial) {
	w := limitedWorld(r, fmt.Sprintf("calls: %d\nwindow: %v\nwait: 500ms", limitCalls, limitWindow), true)
	r.loaded("3 replicas, 9 callers at once that want more than %d calls in %v; the master is killed, its replica takes over", limitCalls, limitWindow)
	budgetWhile(w, r, "failover", failOver(w, r))
}

func gateOverFailover(r *trial) {
	w := limitedWorld(r, "wait: 0s", true)
	r.loaded("3 replicas, 9 callers at once; one is answered 429, and a second later the master is killed, its replica takes over")
	gateWhile(w, r, "failover", failOver(w, r))
}
