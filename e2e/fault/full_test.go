package fault

import (
	"net/http"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// redisIsFull fills the memory of Redis, which may evict nothing, and lets all tokens expire and half of the users leave.
func redisIsFull(r *trial) {
	sessions := size(r, 10, 200)
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: sessions + 1})
	crowd := w.Crowd(sessions)
	r.loaded("3 replicas, %d sessions; maxmemory below what is used, noeviction; all tokens expire, then half of the users log out", sessions)
	maxmemory := func(bytes string) {
		if _, err := w.Redis.Do("CONFIG", "SET", "maxmemory", bytes, "maxmemory-policy", "noeviction"); err != nil {
			r.Fatal(err)
		}
	}
	maxmemory("1")
	good, expired, after := stage.NewHistory(), stage.NewHistory(), stage.NewHistory()
	good.All(crowd, 3)
	r.expect("sessions with good tokens are served", good.Count(stage.OK) == 3*sessions, "%v", good)

	w.Spotify.ExpireAccessTokens()
	begun := time.Now()
	expired.All(crowd, 3)
	took, calls := time.Since(begun), len(w.Refreshes())
	r.expect("an expired token is refreshed, once", expired.Count(stage.OK) == 3*sessions && calls == sessions, "%v, %d refreshes", expired, calls)

	leavers, stayers := crowd[:sessions/2], crowd[sessions/2:]
	logouts := stage.NewHistory()
	cookies := make([]string, len(leavers))
	var group sync.WaitGroup
	for i, f := range leavers {
		cookies[i] = cookieHeader(f)
		group.Go(func() { logouts.Ask(f, http.MethodPost, "/auth/logout", "") })
	}
	group.Wait()
	r.expect("logouts are carried out", logouts.Count("204") == len(leavers), "%v", logouts)
	ended := stage.NewHistory()
	for i, f := range leavers {
		for range w.Replicas {
			ended.Me(f, "Cookie", cookies[i])
		}
	}
	r.expect("and known to all replicas", ended.Count(stage.LoginRequired) == ended.Count(), "%v", ended)

	if err := w.Spotify.SetConsent(simulator.Consent{User: stage.Fans(sessions + 1)[sessions].ID}); err != nil {
		r.Fatal(err)
	}
	login := w.Visitor().Get("/auth/login")
	r.expect("a login is told that it cannot be", login.Summary() == stage.StoreAway, "%s", login.Summary())
	after.All(stayers, 3)
	r.expect("the others go on", after.Count(stage.OK) == 3*len(stayers), "%v", after)
	maxmemory("0")
	newcomer := w.Visitor()
	newcomer.Login(stage.Fans(sessions + 1)[sessions].ID)
	r.measure("with good tokens %v; with expired ones %v and %d refreshes in %s; logouts %v, afterwards %v; a login: %s", good, expired, calls,
		seconds(took), logouts, ended, login.Summary())
	lawful(good, r)
	lawful(expired, r)
}
