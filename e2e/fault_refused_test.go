package e2e

import (
	"fmt"
	"sync"
	"time"

	"stagedoor/simulator"
)

// nthRefresh is the simulator's name for a refresh token, by the number of logins before it.
func nthRefresh(user string, number int) string { return fmt.Sprintf("%s/refresh/%d", user, number) }

// grantEnds has the token endpoint say invalid_grant about one session.
func grantEnds(r *trial) {
	requests := size(r, 60, 300)
	w := newWorld(r, options{replicas: 3, users: 4})
	crowd := w.expiredCrowd(4)
	r.loaded("4 expired sessions, one of them revoked, %d requests each over 3 replicas; token endpoint 1 s", requests)
	w.preset("token-refresh-revoked", func(f *simulator.Fault) { f.Match.Token, f.Delay = crowd[0].refresh, time.Second })
	revoked, others := newHistory(), newHistory()
	var group sync.WaitGroup
	group.Go(func() { revoked.all(crowd[:1], requests) })
	group.Go(func() { others.all(crowd[1:], requests) })
	group.Wait()
	calls := w.spotify.Counts().RefreshTokens[crowd[0].refresh]
	r.expect("exactly 1 call for it", calls == 1, "%d calls", calls)
	r.expect("all its requests get REAUTHORIZATION_REQUIRED", revoked.count(reauthorize) == requests, "%v", revoked)
	r.expect("the other sessions go on", others.count(ok) == 3*requests, "%v", others)
	revoked.all(crowd[:1], 3)
	again := w.spotify.Counts().RefreshTokens[crowd[0].refresh]
	r.expect("and no call ever after", again == 1, "%d calls", again)
	r.measure("%v for the revoked session, %v for the others, %d call", revoked, others, again)
	revoked.lawful(r)
	others.lawful(r)
	crowd[0].login(crowd[0].user)
	sessionsGoOn(r, crowd)
}

// clientIsRefused has the token endpoint refuse the client, as after a change of the secret.
func clientIsRefused(r *trial) {
	sessions := size(r, 6, 50)
	w := newWorld(r, options{replicas: 3, users: sessions})
	crowd := w.expiredCrowd(sessions)
	r.loaded("%d expired sessions, 4 requests each over 3 replicas", sessions)
	w.preset("token-invalid-client", func(*simulator.Fault) {})
	h := newHistory()
	h.all(crowd, 4)
	r.expect("503 CLIENT_MISCONFIGURED", h.count(clientIsWrong) == h.count(), "%v", h)
	errors := 0
	for _, p := range w.replicas {
		errors += len(p.logged(func(l logLine) bool { return l.Level == "error" }))
	}
	r.expect("the log has errors about the client", errors > 0, "it has none")
	counted := 0.0
	for _, p := range w.replicas {
		counted += p.metric(`stagedoor_token_refreshes_total{result="client_misconfigured"}`)
	}
	r.expect("a metric counts each call", int(counted) == len(w.refreshes()), "%v of %d are counted", counted, len(w.refreshes()))
	w.spotify.ClearFaults()
	begin := time.Now()
	goOnEventually(r, 20*time.Second, crowd)
	r.measure("%v; %d calls; all sessions work %s after the client is right again", h, len(w.refreshes()), seconds(time.Since(begin)))
	h.lawful(r)
}
