package e2e

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// logoutRacesRefresh ends sessions while all replicas refresh them.
func logoutRacesRefresh(r *trial) {
	rounds, atOnce := size(r, 30, 1000), 10
	w := newWorld(r, options{replicas: 3, users: rounds})
	w.rotate()
	crowd := w.expiredCrowd(rounds)
	r.loaded("%d rounds over 3 replicas, %d at a time: 3 requests with an expired token, and a logout up to 0.15 s later; token endpoint 0.1 s",
		rounds, atOnce)
	w.fault(simulator.Fault{Match: simulator.Match{Grant: "refresh_token"}, Delay: 100 * time.Millisecond})
	during := newHistory()
	var (
		mu    sync.Mutex // guards times
		times []time.Duration
	)
	for batch := range slices.Chunk(crowd, atOnce) {
		var group sync.WaitGroup
		for _, f := range batch {
			group.Go(func() {
				took := w.raceLogout(r, f, during)
				mu.Lock()
				defer mu.Unlock()
				times = append(times, took)
			})
		}
		group.Wait()
	}
	after := newHistory()
	after.all(crowd, 3) // the refreshes that were in flight have ended, too
	records := w.sessionKeys()
	r.expect("0 sessions resurrected", after.count(loginRequired) == after.count() && len(records) == 0,
		"%v, and Redis has %d records", after, len(records))
	r.expect("dead on every replica within 2 s", slices.Max(times) < r.within(2*time.Second), "it took up to %v", slices.Max(times))
	slices.Sort(times)
	r.measure("during the race %v; dead on all replicas after %s (median), %s (worst), a round of requests included", during,
		seconds(times[len(times)/2]), seconds(times[len(times)-1]))
	r.expect("while it races, an answer is 200 or LOGIN_REQUIRED", during.count(ok, loginRequired) == during.count(), "%v", during)
	during.lawful(r)
	w.tokensOnce(r)
}

// raceLogout returns how long after the logout's answer the session was dead everywhere.
func (w *world) raceLogout(r *trial, f fan, during *history) time.Duration {
	cookie := f.cookieHeader()
	var group sync.WaitGroup
	for range w.replicas {
		group.Go(func() { during.me(f, "Cookie", cookie) })
	}
	delay := time.NewTimer(rand.N(150 * time.Millisecond))
	<-delay.C
	if a, err := f.try(http.MethodPost, "/auth/logout", ""); err != nil || a.status != http.StatusNoContent {
		r.Errorf("the logout of %s was answered %d %s, %v", f.user, a.status, a.body, err)
	}
	begin := time.Now()
	for _, p := range w.replicas {
		sessiontest.Eventually(r, 20*time.Second, "the session is dead on the replica", func() bool { return p.refuses(r, cookie) })
	}
	took := time.Since(begin)
	group.Wait()
	for _, p := range w.replicas {
		if !p.refuses(r, cookie) {
			r.Errorf("the session of %s is back", f.user)
		}
	}
	return took
}

// cookieHeader is what the fan's browser sends, to be kept over a logout.
func (f fan) cookieHeader() string {
	request, err := http.NewRequest(http.MethodGet, f.w.balancer.URL, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range f.client.Jar.Cookies(request.URL) {
		request.AddCookie(c)
	}
	return request.Header.Get("Cookie")
}

// refuses asks the process itself who the cookie's user is, and tells whether it wants a login.
func (p *process) refuses(r *trial, cookie string) bool {
	request, err := http.NewRequest(http.MethodGet, "http://"+p.public()+"/api/me", nil)
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
