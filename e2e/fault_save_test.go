package e2e

import (
	"sync"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// redisIsAwayDuringASave takes Redis away between a refresh and its save, longer than the lease lives in the full set.
func redisIsAwayDuringASave(r *trial) {
	away := size(r, 2*time.Second, 30*time.Second)
	w := newWorld(r, options{replicas: 3, users: 2})
	w.rotate()
	crowd := w.expiredCrowd(2)
	r.loaded("3 replicas; Redis is frozen, or killed and restarted, for %v while the token endpoint answers; reuse ends the grant", away)
	for i, o := range []outage{
		{name: "frozen", begin: w.redis.Pause, end: w.redis.Resume},
		{name: "killed", begin: w.redis.Kill, end: w.redis.Start},
	} {
		f := crowd[i]
		w.through(0)
		w.fault(simulator.Fault{Match: simulator.Match{Token: f.refresh}, Delay: time.Second, Times: 1})
		h := newHistory()
		var group sync.WaitGroup
		group.Go(func() { h.all(crowd[i:i+1], 20) })
		if _, err := w.spotify.AwaitSeen(r.Context(), simulator.Filter{Match: simulator.Match{Token: f.refresh}}, 1); err != nil {
			r.Fatal(err)
		}
		begin := time.Now()
		o.begin()
		group.Wait()
		r.expect("the waiting requests get the new token at once", h.count(ok) == 20, "%s: %v", o.name, h)
		r.measure("%s: %v, slowest %s", o.name, h, seconds(h.longest(ok)))
		h.me(f) // while Redis is away and nothing is saved
		w.through(1)
		elsewhere := newHistory()
		sessiontest.Eventually(r, away+20*time.Second, "the outage is over", func() bool {
			elsewhere.me(f)
			return time.Since(begin) > away
		})
		o.end()
		back := time.Now()
		for i := range w.replicas {
			w.through(i)
			goOnEventually(r, 20*time.Second, []fan{f})
		}
		r.expect("nobody asks for a second token", w.spotify.Counts().RefreshTokens[f.refresh] == 1,
			"%s: the token was presented %d times", o.name, w.spotify.Counts().RefreshTokens[f.refresh])
		r.measure("elsewhere meanwhile %v; the new token on all replicas after %s", elsewhere, seconds(time.Since(back)))
		h.lawful(r)
		elsewhere.lawful(r)
	}
	w.through(-1)
	w.spotify.ExpireAccessTokens()
	sessionsGoOn(r, crowd)
	w.tokensOnce(r)
}
