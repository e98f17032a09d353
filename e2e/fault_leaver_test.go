package e2e

import (
	"context"
	"net/http"
	"sync"
	"time"

	"stagedoor/simulator"
)

// firstClientLeaves begins a refresh with a request whose client goes away, while others wait for it.
func firstClientLeaves(r *trial) {
	const others = 49
	w := newWorld(r, options{replicas: 3, users: 1})
	w.rotate()
	f := w.expiredCrowd(1)[0]
	r.loaded("the first client leaves after 20 ms, %d others over 3 replicas wait; token endpoint 2 s", others)
	w.fault(simulator.Fault{Match: simulator.Match{Token: f.refresh}, Delay: 2 * time.Second, Times: 1})

	ctx, leave := context.WithCancel(r.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.balancer.URL+"/api/me", nil)
	if err != nil {
		r.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		if response, err := f.client.Do(request); err == nil {
			_ = response.Body.Close()
			r.Errorf("the client that left was answered %d", response.StatusCode)
		}
	})
	if _, err := w.spotify.AwaitSeen(r.Context(), simulator.Filter{Match: simulator.Match{Token: f.refresh}}, 1); err != nil {
		r.Fatal(err)
	}
	h := newHistory()
	group.Go(func() { h.all([]fan{f}, others) })
	time.AfterFunc(20*time.Millisecond, leave)
	group.Wait()
	r.expect("49 answers", h.count(ok) == others, "%v", h)
	r.expect("1 refresh", len(w.refreshes()) == 1, "%d calls", len(w.refreshes()))
	r.measure("%v, slowest %s", h, seconds(h.longest(ok)))
	w.spotify.ExpireAccessTokens()
	h.me(f)
	calls := w.refreshes()
	r.expect("the new refresh token is stored: the next refresh uses it",
		len(calls) == 2 && calls[1].Token != f.refresh && calls[1].Outcome == "rotated", "the calls were %v", calls)
	h.lawful(r)
	w.tokensOnce(r)
}
