package fault

import (
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// slowTokenEndpoint has every replica ask for the same expired session at once, while each refresh token is good for one
// use and its reuse ends the grant.
func slowTokenEndpoint(r *trial) {
	replicas, requests := size(r, 3, 8), size(r, 40, 200)
	delays := size(r, []time.Duration{300 * time.Millisecond, 3 * time.Second},
		[]time.Duration{300 * time.Millisecond, 3 * time.Second, 8 * time.Second, 15 * time.Second})
	w := stage.NewWorld(r, stage.Options{Replicas: replicas, Users: len(delays)})
	w.Rotate()
	r.loaded("%d replicas, %d parallel requests each, one expired session; the token endpoint takes %v", replicas, requests, delays)
	for i, f := range w.ExpiredCrowd(len(delays)) {
		w.Fault(simulator.Fault{Match: simulator.Match{Token: f.Refresh}, Delay: delays[i], Times: 1})
		h := stage.NewHistory()
		before := len(w.Refreshes())
		h.All([]stage.Fan{f}, replicas*requests)
		r.expect("1 refresh", len(w.Refreshes()) == before+1, "%d calls at %v", len(w.Refreshes())-before, delays[i])
		r.expect("200, or 503 past the request's deadline of 15 s", h.Count(stage.OK, stage.TokenEndpoint) == h.Count() &&
			(delays[i] > 14*time.Second || h.Count(stage.OK) == h.Count()), "%v at %v", h, delays[i])
		r.measure("%v: %v, slowest 200 %s", delays[i], h, seconds(h.Longest(stage.OK)))
		lawful(h, r)
		r.expect("nobody is logged out", f.Status().Authenticated, "%s is", f.User)

		w.Spotify.ExpireAccessTokens() // and the next refresh
		sessionsGoOn(r, []stage.Fan{f})
	}
	tokensOnce(w, r)
}

// manySessionsExpire has many sessions need a refresh in the same second.
func manySessionsExpire(r *trial) {
	sessions, allowed := size(r, 60, 1000), size(r, 4, 32)
	gauge := &tokenGauge{}
	w := stage.NewWorld(r, stage.Options{
		Replicas: 3, Users: sessions, Prepare: gauge.stand,
		Spotify: "token_concurrency: " + size(r, "4", "32"),
	})
	w.Rotate()
	crowd := w.ExpiredCrowd(sessions)
	r.loaded("%d expired sessions, 2 requests each at once over 3 replicas; token endpoint 0.2 s, token_concurrency %d", sessions, allowed)
	w.Fault(simulator.Fault{Match: simulator.Match{Grant: "refresh_token"}, Delay: 200 * time.Millisecond})
	h := stage.NewHistory()
	begin := time.Now()
	h.All(crowd, 2)
	took := time.Since(begin)
	calls := len(w.Refreshes())
	r.expect("at most one refresh a session", calls <= sessions, "%d calls for %d sessions", calls, sessions)
	r.expect("no request lost", h.Count(stage.OK) == 2*sessions, "%v", h)
	r.expect("at most token_concurrency calls a replica at a time", gauge.highest() <= 3*allowed, "%d were under way", gauge.highest())
	r.measure("%d refreshes, at most %d at a time; %v; all in %s", calls, gauge.highest(), h, seconds(took))
	lawful(h, r)
	tokensOnce(w, r)
}

// sessionsGoOn checks that the sessions work now.
func sessionsGoOn(r *trial, crowd []stage.Fan) {
	r.Helper()
	h := stage.NewHistory()
	h.All(crowd, 1)
	r.expect("the sessions go on afterwards", h.Count(stage.OK) == len(crowd), "%v", h)
}

// tokenGauge counts the calls of the token endpoint that are under way.
type tokenGauge struct {
	mu        sync.Mutex // guards what follows
	now, most int
}

func (g *tokenGauge) highest() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}

func (g *tokenGauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
}
