package fault

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// logoutRacesRefresh ends sessions while all replicas refresh them.
func logoutRacesRefresh(r *trial) {
	rounds, atOnce := size(r, 30, 1000), 10
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: rounds})
	w.Rotate()
	crowd := w.ExpiredCrowd(rounds)
	r.loaded("%d rounds over 3 replicas, %d at a time: 3 requests with an expired token, and a logout up to 0.15 s later; token endpoint 0.1 s",
		rounds, atOnce)
	w.Fault(simulator.Fault{Match: simulator.Match{Grant: "refresh_token"}, Delay: 100 * time.Millisecond})
	during := stage.NewHistory()
	var (
		mu    sync.Mutex // guards times
		times []time.Duration
	)
	for batch := range slices.Chunk(crowd, atOnce) {
		var group sync.WaitGroup
		for _, f := range batch {
			group.Go(func() {
				took := raceLogout(w, r, f, during)
				mu.Lock()
				defer mu.Unlock()
				times = append(times, took)
			})
		}
		group.Wait()
	}
	after := stage.NewHistory()
	after.All(crowd, 3) // the refreshes that were in flight have ended, too
	records := w.SessionKeys()
	r.expect("0 sessions resurrected", after.Count(stage.LoginRequired) == after.Count() && len(records) == 0,
		"%v, and Redis has %d records", after, len(records))
	r.expect("dead on every replica within 2 s", slices.Max(times) < r.within(2*time.Second), "it took up to %v", slices.Max(times))
	slices.Sort(times)
	r.measure("during the race %v; dead on all replicas after %s (median), %s (worst), a round of requests included", during,
		seconds(times[len(times)/2]), seconds(times[len(times)-1]))
	r.expect("while it races, an answer is 200 or LOGIN_REQUIRED", during.Count(stage.OK, stage.LoginRequired) == during.Count(), "%v", during)
	lawful(during, r)
	tokensOnce(w, r)
}

// raceLogout returns how long after the logout's answer the session was dead everywhere.
func raceLogout(w *stage.World, r *trial, f stage.Fan, during *stage.History) time.Duration {
	cookie := cookieHeader(f)
	var group sync.WaitGroup
	for range w.Replicas {
		group.Go(func() { during.Me(f, "Cookie", cookie) })
	}
	delay := time.NewTimer(rand.N(150 * time.Millisecond))
	<-delay.C
	if a, err := f.Try(http.MethodPost, "/auth/logout", ""); err != nil || a.Status != http.StatusNoContent {
		r.Errorf("the logout of %s was answered %d %s, %v", f.User, a.Status, a.Body, err)
	}
	begin := time.Now()
	for _, p := range w.Replicas {
		sessiontest.Eventually(r, 20*time.Second, "the session is dead on the replica", func() bool { return refuses(p, r, cookie) })
	}
	took := time.Since(begin)
	group.Wait()
	for _, p := range w.Replicas {
		if !refuses(p, r, cookie) {
			r.Errorf("the session of %s is back", f.User)
		}
	}
	return took
}

// cookieHeader is what the fan's browser sends, to be kept over a logout.
func cookieHeader(f stage.Fan) string {
	request, err := http.NewRequest(http.MethodGet, f.W.Balancer.URL, nil)
	if err != nil {
		f.T.Fatal(err)
	}
	for _, c := range f.Client.Jar.Cookies(request.URL) {
		request.AddCookie(c)
	}
	return request.Header.Get("Cookie")
}

// refuses asks the process itself who the cookie's user is, and tells whether it wants a login.
func refuses(p *stage.Process, r *trial, cookie string) bool {
	request, err := http.NewRequest(http.MethodGet, "http://"+p.Public()+"/api/me", nil)
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Cookie", cookie)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Error(err)
		return false
	}
	defer func() { _ = response.Body.Close() }() // only its head matters
	return response.StatusCode == http.StatusUnauthorized
}
