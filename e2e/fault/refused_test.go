package fault

import (
	"fmt"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// nthRefresh is the simulator's name for a refresh token, by the number of logins before it.
func nthRefresh(user string, number int) string { return fmt.Sprintf("%s/refresh/%d", user, number) }

// grantEnds has the token endpoint say invalid_grant about one session.
func grantEnds(r *trial) {
	requests := size(r, 60, 300)
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: 4})
	crowd := w.ExpiredCrowd(4)
	r.loaded("4 expired sessions, one of them revoked, %d requests each over 3 replicas; token endpoint 1 s", requests)
	w.Preset("token-refresh-revoked", func(f *simulator.Fault) { f.Match.Token, f.Delay = crowd[0].Refresh, time.Second })
	revoked, others := stage.NewHistory(), stage.NewHistory()
	var group sync.WaitGroup
	group.Go(func() { revoked.All(crowd[:1], requests) })
	group.Go(func() { others.All(crowd[1:], requests) })
	group.Wait()
	calls := w.Spotify.Counts().RefreshTokens[crowd[0].Refresh]
	r.expect("exactly 1 call for it", calls == 1, "%d calls", calls)
	r.expect("all its requests get REAUTHORIZATION_REQUIRED", revoked.Count(stage.Reauthorize) == requests, "%v", revoked)
	r.expect("the other sessions go on", others.Count(stage.OK) == 3*requests, "%v", others)
	revoked.All(crowd[:1], 3)
	again := w.Spotify.Counts().RefreshTokens[crowd[0].Refresh]
	r.expect("and no call ever after", again == 1, "%d calls", again)
	r.measure("%v for the revoked session, %v for the others, %d call", revoked, others, again)
	lawful(revoked, r)
	lawful(others, r)
	crowd[0].Login(crowd[0].User)
	sessionsGoOn(r, crowd)
}

// clientIsRefused has the token endpoint refuse the client, as after a change of the secret.
func clientIsRefused(r *trial) {
	sessions := size(r, 6, 50)
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: sessions})
	crowd := w.ExpiredCrowd(sessions)
	r.loaded("%d expired sessions, 4 requests each over 3 replicas", sessions)
	w.Preset("token-invalid-client", func(*simulator.Fault) {})
	h := stage.NewHistory()
	h.All(crowd, 4)
	r.expect("503 CLIENT_MISCONFIGURED", h.Count(stage.ClientIsWrong) == h.Count(), "%v", h)
	errors := 0
	for _, p := range w.Replicas {
		errors += len(p.Logged(func(l stage.LogLine) bool { return l.Level == "error" }))
	}
	r.expect("the log has errors about the client", errors > 0, "it has none")
	counted := 0.0
	for _, p := range w.Replicas {
		counted += p.Metric(`stagedoor_token_refreshes_total{result="client_misconfigured"}`)
	}
	r.expect("a metric counts each call", int(counted) == len(w.Refreshes()), "%v of %d are counted", counted, len(w.Refreshes()))
	w.Spotify.ClearFaults()
	begin := time.Now()
	goOnEventually(r, 20*time.Second, crowd)
	r.measure("%v; %d calls; all sessions work %s after the client is right again", h, len(w.Refreshes()), seconds(time.Since(begin)))
	lawful(h, r)
}
