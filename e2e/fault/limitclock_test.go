package fault

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"stagedoor/e2e/stage"
	"stagedoor/proxy/quota"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// limitsWithSkew has three replicas' limiters in one process over one Redis, with clocks that are five minutes apart. A clock
// that is set meanwhile is proxy/quota's TestWallClockDoesNotMatter.
func limitsWithSkew(r *trial) {
	w := stage.NewWorld(r, stage.Options{Replicas: 1})
	r.loaded("three limiters in one process over one Redis, their clocks 5 min ahead, right and 5 min behind; 12 callers at once want more than "+
		"%d calls in %v; then one is answered 429 with a Retry-After of 3 s (clocks that are set meanwhile: TestWallClockDoesNotMatter of proxy/quota)",
		limitCalls, limitWindow)
	for _, skew := range []time.Duration{0, 5 * time.Minute} {
		var limiters []*quota.Limiter
		client := fmt.Sprint("skew ", skew)
		for _, ahead := range []time.Duration{skew, 0, -skew} {
			limiters = append(limiters, limiter(r, newLedger(w, r, client), ahead))
		}
		times := callAll(limiters, 4*limitWindow)
		most, first := 0, 0
		for i, at := range times {
			for at.Sub(times[first]) >= limitWindow {
				first++
			}
			most = max(most, i-first+1)
		}
		r.expect(beyond, most <= limitCalls, "with clocks %v apart %d left in one", skew, most)
		r.expect("as many calls leave as with right clocks", len(times) >= 4*limitCalls/2, "with clocks %v apart %d left", skew, len(times))
		opened := shutAndOpen(r, limiters, newLedger(w, r, client))
		r.expect("the gate is closed for all until Retry-After has run", slices.Min(opened) >= 2900*time.Millisecond && slices.Max(opened) < r.within(4*time.Second),
			"with clocks %v apart it was closed for %v", skew, opened)
		r.measure("clocks %v apart: %d beyond `calls`; %d calls left in four windows, at most %d in one; the gate was closed for %s to %s", skew,
			max(0, most-limitCalls), len(times), most, seconds(slices.Min(opened)), seconds(slices.Max(opened)))
	}
}

// newLedger is the ledger of a client id, over connections of its own.
func newLedger(w *stage.World, r *trial, client string) *quota.Redis {
	r.Helper()
	store, err := redisstore.New(w.Redis.Config(), zap.NewNop())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = store.Close() }) // the test is over
	return quota.NewRedis(store, "stagedoor:", client, store.News())
}

// limiter is a replica's, with a clock that is ahead.
func limiter(r *trial, ledger *quota.Redis, ahead time.Duration) *quota.Limiter {
	l := quota.NewLimiter(quota.LimiterOptions{
		Config: quota.LimiterConfig{Calls: limitCalls, Window: limitWindow, UserShare: 1, Wait: 500 * time.Millisecond},
		Gates:  ledger, Allowance: ledger, Now: func() time.Time { return time.Now().Add(ahead) },
	})
	l.Lost() // it hears no news, and asks
	r.Cleanup(l.Close)
	return l
}

// callAll has callers of each limiter call all the time, and returns when their calls left.
func callAll(limiters []*quota.Limiter, lasts time.Duration) []time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), lasts)
	defer cancel()
	var mu sync.Mutex // guards times
	var times []time.Time
	var group sync.WaitGroup
	for _, l := range limiters {
		for range 4 {
			group.Go(func() {
				for ctx.Err() == nil {
					_, _ = l.Call(ctx, quota.Turn{Priority: quota.PriorityRead, Bucket: quota.BucketAll}, func() (*http.Response, error) {
						mu.Lock()
						defer mu.Unlock()
						times = append(times, time.Now())
						return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
					})
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	}
	group.Wait()
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// shutAndOpen has one limiter's call be rejected, and returns how long the gate was closed for each. It does not depend on how
// quick Redis is: no limiter has asked lately when Redis knows of the rejection, so each has to ask before its next call.
func shutAndOpen(r *trial, limiters []*quota.Limiter, gates quota.Gates) []time.Duration {
	r.Helper()
	stage.Until(r, time.Now().Add(limitWindow)) // no answer is under way any more, and no call counts
	turn := quota.Turn{Priority: quota.PriorityLogin, Bucket: quota.BucketAll}
	_, err := limiters[0].Call(context.Background(), turn, func() (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusTooManyRequests, Body: http.NoBody, Header: http.Header{"Retry-After": {"3"}}}, nil
	})
	if err != nil {
		r.Fatal(err)
	}
	closed := time.Now()
	sessiontest.Eventually(r, 2*time.Second, "Redis knows of the rejection", func() bool {
		state, err := gates.Check(context.Background(), turn.Bucket, "")
		return err == nil && state.Closed
	})
	opened := make([]time.Duration, len(limiters))
	var group sync.WaitGroup
	for i, l := range limiters {
		group.Go(func() {
			for opened[i] == 0 {
				_, _ = l.Call(context.Background(), turn, func() (*http.Response, error) {
					opened[i] = time.Since(closed)
					return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
				})
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	group.Wait()
	return opened
}

// retryAfterOfAllKinds has calls rejected with a Retry-After of each kind, and looks when the next call leaves.
func retryAfterOfAllKinds(r *trial) {
	w := limitedWorld(r, "wait: 0s", false)
	r.loaded("3 replicas, 9 callers at once; one is answered 429 with such a Retry-After")
	for _, c := range []struct {
		name, says string
		rejected   int
		least      time.Duration
	}{
		{"0, three times", "0", 3, 7 * time.Second},
		{"none", "", 1, time.Second},
		{"nonsense", "soon", 1, time.Second},
		{"a date", "", 1, 0},
		{"0", "0", 1, time.Second},
		{"86400", "86400", 1, 24 * time.Hour},
	}[size(r, 3, 0):] {
		if c.least == 0 {
			until := time.Now().Add(4 * time.Second).Truncate(time.Second)
			c.says, c.least = until.UTC().Format(http.TimeFormat), time.Until(until)-time.Second // Date has whole seconds
		}
		f := simulator.Fault{
			Match: simulator.Match{Side: simulator.SideAPI}, Times: c.rejected, Status: http.StatusTooManyRequests, Header: http.Header{},
		}
		if c.says != "" {
			f.Header.Set("Retry-After", c.says)
		}
		w.Fault(f)
		w.Spotify.ForgetSeen()
		a := w.Visitor().At(0, http.MethodGet, "/app/search?type=track&q=rejected")
		closed := time.Now()
		stage.Until(r, closed.Add(100*time.Millisecond))
		got := appLoad(w, 9, closed.Add(min(c.least, size(r, 2*time.Second, 8*time.Second))+3*time.Second))
		w.Spotify.ClearFaults()
		after := callsAfter(w, closed)
		early := 0
		for _, at := range after {
			if at.Sub(closed) < c.least-100*time.Millisecond {
				early++
			}
		}
		r.expect("the first is Spotify's 429", a.Status == http.StatusTooManyRequests && a.Reason() == "", "%s: %s", c.name, a.Summary())
		r.expect("no call leaves until it has run; 0, nonsense and none count as 1, 2, 4 … 30 s", early == 0, "%s: %d left", c.name, early)
		r.expect("a request gets Spotify's answer, or RATE_LIMITED with Retry-After", got.other == "", "%s: %s", c.name, got.other)
		if c.least > time.Hour {
			r.expect("a day is told, and kept", len(after) == 0, "%d calls left", len(after))
			r.measure("%s: %d calls in %s, %d RATE_LIMITED", c.name, len(after), seconds(time.Since(closed)), got.limited)
			continue
		}
		if len(after) == 0 {
			r.Fatalf("%s: no call left", c.name)
		}
		r.measure("%s: %d calls too early, the first %s after the 429", c.name, early, seconds(after[0].Sub(closed)))
	}
}
