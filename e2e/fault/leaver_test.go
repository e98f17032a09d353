package fault

import (
	"context"
	"net/http"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// firstClientLeaves has the client leave that began a refresh, while other requests wait for the refresh.
func firstClientLeaves(r *trial) {
	const others = 49
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: 1})
	w.Rotate()
	f := w.ExpiredCrowd(1)[0]
	r.loaded("the first client leaves after 20 ms, %d others over 3 replicas wait; token endpoint 2 s", others)
	w.Fault(simulator.Fault{Match: simulator.Match{Token: f.Refresh}, Delay: 2 * time.Second, Times: 1})

	ctx, leave := context.WithCancel(r.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Balancer.URL+"/api/me", nil)
	if err != nil {
		r.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		if response, err := f.Client.Do(request); err == nil {
			_ = response.Body.Close()
			r.Errorf("the client that left was answered %d", response.StatusCode)
		}
	})
	if _, err := w.Spotify.AwaitSeen(r.Context(), simulator.Filter{Match: simulator.Match{Token: f.Refresh}}, 1); err != nil {
		r.Fatal(err)
	}
	h := stage.NewHistory()
	group.Go(func() { h.All([]stage.Fan{f}, others) })
	time.AfterFunc(20*time.Millisecond, leave)
	group.Wait()
	r.expect("49 answers", h.Count(stage.OK) == others, "%v", h)
	r.expect("1 refresh", len(w.Refreshes()) == 1, "%d calls", len(w.Refreshes()))
	r.measure("%v, slowest %s", h, seconds(h.Longest(stage.OK)))
	w.Spotify.ExpireAccessTokens()
	h.Me(f)
	calls := w.Refreshes()
	r.expect("the new refresh token is stored: the next refresh uses it",
		len(calls) == 2 && calls[1].Token != f.Refresh && calls[1].Outcome == "rotated", "the calls were %v", calls)
	lawful(h, r)
	tokensOnce(w, r)
}
