package fault

import (
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// redisIsDownDuringASave stops Redis between a refresh and its save, longer than the lease lives in the full set.
func redisIsDownDuringASave(r *trial) {
	const waiting = 20 // requests
	down := size(r, 2*time.Second, 30*time.Second)
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: 2})
	w.Rotate()
	crowd := w.ExpiredCrowd(2)
	r.loaded("3 replicas; Redis is frozen, or killed and restarted, for %v while the token endpoint answers; reuse ends the grant", down)
	for i, o := range []outage{
		{name: "frozen", begin: w.Redis.Pause, end: w.Redis.Resume},
		{name: "killed", begin: w.Redis.Kill, end: w.Redis.Start},
	} {
		f := crowd[i]
		w.Through(0)
		w.Fault(simulator.Fault{Match: simulator.Match{Token: f.Refresh}, Delay: 2 * time.Second, Times: 1})
		h := stage.NewHistory()
		var group sync.WaitGroup
		group.Go(func() { h.All(crowd[i:i+1], waiting) })
		if _, err := w.Spotify.AwaitSeen(r.Context(), simulator.Filter{Match: simulator.Match{Token: f.Refresh}}, 1); err != nil {
			r.Fatal(err)
		}
		sessiontest.Eventually(r, 20*time.Second, "all wait for the token", func() bool {
			return int(w.Replicas[0].Metric("stagedoor_http_requests_in_flight"))+h.Count(stage.OK) == waiting
		})
		begin := time.Now()
		o.begin()
		group.Wait()
		r.expect("the waiting requests get the new token at once", h.Count(stage.OK) == waiting, "%s: %v", o.name, h)
		r.measure("%s: %v, slowest %s", o.name, h, seconds(h.Longest(stage.OK)))
		h.Me(f) // while Redis is down and nothing is saved
		w.Through(1)
		elsewhere := stage.NewHistory()
		sessiontest.Eventually(r, down+20*time.Second, "the outage is over", func() bool {
			elsewhere.Me(f)
			return time.Since(begin) > down
		})
		o.end()
		back := time.Now()
		for i := range w.Replicas {
			w.Through(i)
			goOnEventually(r, 20*time.Second, []stage.Fan{f})
		}
		r.expect("nobody asks for a second token", w.Spotify.Counts().RefreshTokens[f.Refresh] == 1,
			"%s: the token was presented %d times", o.name, w.Spotify.Counts().RefreshTokens[f.Refresh])
		r.measure("elsewhere meanwhile %v; the new token on all replicas after %s", elsewhere, seconds(time.Since(back)))
		lawful(h, r)
		lawful(elsewhere, r)
	}
	w.Through(-1)
	w.Spotify.ExpireAccessTokens()
	sessionsGoOn(r, crowd)
	tokensOnce(w, r)
}
