package e2e

import (
	"net/http"
	"sync"
	"time"

	"stagedoor/simulator"
)

// redisIsFull fills the memory of Redis, which may evict nothing, and lets all tokens expire and half of the users leave.
func redisIsFull(r *trial) {
	sessions := size(r, 10, 200)
	w := newWorld(r, options{replicas: 3, users: sessions + 1})
	crowd := w.crowd(sessions)
	r.loaded("3 replicas, %d sessions; maxmemory below what is used, noeviction; all tokens expire, then half of the users log out", sessions)
	maxmemory := func(bytes string) {
		if _, err := w.redis.Do("CONFIG", "SET", "maxmemory", bytes, "maxmemory-policy", "noeviction"); err != nil {
			r.Fatal(err)
		}
	}
	maxmemory("1")
	good, expired, after := newHistory(), newHistory(), newHistory()
	good.all(crowd, 3)
	r.expect("sessions with good tokens are served", good.count(ok) == 3*sessions, "%v", good)

	w.spotify.ExpireAccessTokens()
	begun := time.Now()
	expired.all(crowd, 3)
	took, calls := time.Since(begun), len(w.refreshes())
	r.expect("an expired token is refreshed, once", expired.count(ok) == 3*sessions && calls == sessions, "%v, %d refreshes", expired, calls)

	leavers, stayers := crowd[:sessions/2], crowd[sessions/2:]
	logouts := newHistory()
	cookies := make([]string, len(leavers))
	var group sync.WaitGroup
	for i, f := range leavers {
		cookies[i] = f.cookieHeader()
		group.Go(func() { logouts.ask(f, http.MethodPost, "/auth/logout", "") })
	}
	group.Wait()
	r.expect("logouts are carried out", logouts.count("204") == len(leavers), "%v", logouts)
	ended := newHistory()
	for i, f := range leavers {
		for range w.replicas {
			ended.me(f, "Cookie", cookies[i])
		}
	}
	r.expect("and known to all replicas", ended.count(loginRequired) == ended.count(), "%v", ended)

	if err := w.spotify.SetConsent(simulator.Consent{User: fans(sessions + 1)[sessions].ID}); err != nil {
		r.Fatal(err)
	}
	login := w.visitor().get("/auth/login")
	r.expect("a login is told that it cannot be", login.summary() == storeAway, "%s", login.summary())
	after.all(stayers, 3)
	r.expect("the others go on", after.count(ok) == 3*len(stayers), "%v", after)
	maxmemory("0")
	newcomer := w.visitor()
	newcomer.login(fans(sessions + 1)[sessions].ID)
	r.measure("with good tokens %v; with expired ones %v and %d refreshes in %s; logouts %v, afterwards %v; a login: %s", good, expired, calls,
		seconds(took), logouts, ended, login.summary())
	good.lawful(r)
	expired.lawful(r)
}
