package fault

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// sickness is a way for the token endpoint to be sick, and whether a token comes nevertheless.
type sickness struct {
	preset string
	change func(*simulator.Fault)
	works  bool
}

func sicknesses(elsewhere string) []sickness {
	as := func(*simulator.Fault) {}
	header := func(name, value string) func(*simulator.Fault) {
		return func(f *simulator.Fault) { f.Header.Set(name, value) }
	}
	return []sickness{
		{"token-500", as, false}, {"token-502", as, false}, {"token-503", header("Retry-After", "1"), false},
		{"token-429", header("Retry-After", "1"), false}, {"token-html", as, false}, {"token-empty", as, false},
		{"token-cut-json", as, false}, {"token-truncated", as, false}, {"token-error-200", as, false},
		{"token-unknown-error", as, false}, {"token-hang", as, false}, {"token-reset", as, false},
		{"token-redirect", header("Location", elsewhere), false},
		{"token-huge", func(f *simulator.Fault) { f.Size = 1 << 30 }, false}, {"token-type-mac", as, false},
		{"token-access-empty", as, false}, {"token-expires-missing", as, true}, {"token-expires-zero", as, true},
		{"token-expires-absurd", as, true}, {"token-expires-negative", as, true}, {"token-type-lower", as, true},
	}
}

// sickTokenEndpoint gives every sickness a session whose token has ended and one whose token is still good.
func sickTokenEndpoint(r *trial) {
	var hits atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer other.Close()
	kinds := sicknesses(other.URL)
	requests := size(r, 5, 50)
	w := stage.NewWorld(r, stage.Options{
		Users: 2 * len(kinds), Pprof: true, Spotify: "token_timeout: 1s", Session: "refresh_before: 1h",
	})
	ended := w.ExpiredCrowd(2 * len(kinds))
	good := ended[len(kinds):] // by a second login
	for i := range good {
		good[i].Login(good[i].User)
		good[i].Refresh = nthRefresh(good[i].User, len(ended)+i+1)
	}
	r.loaded("%d kinds of answer, %d requests at once for a session whose token has ended and for one whose token is due but good",
		len(kinds), requests)
	before := w.Replicas[0].Footprint()
	withoutToken, withToken, working := stage.NewHistory(), stage.NewHistory(), stage.NewHistory()
	var group sync.WaitGroup
	for i, kind := range kinds {
		for _, f := range []stage.Fan{ended[i], good[i]} {
			w.Preset(kind.preset, func(fault *simulator.Fault) {
				kind.change(fault)
				fault.Match.Token = f.Refresh
			})
		}
		without, with := withoutToken, withToken
		if kind.works {
			without, with = working, working
		}
		group.Go(func() { without.All(ended[i:i+1], requests) })
		group.Go(func() { with.All(good[i:i+1], requests) })
	}
	group.Wait()
	calls, most := w.Spotify.Counts(), 0
	for _, f := range ended {
		most = max(most, calls.RefreshTokens[f.Refresh])
	}
	after := w.Replicas[0].Footprint()
	r.expect("without a good token: 503 with Retry-After", withoutToken.Count(stage.TokenEndpoint) == withoutToken.Count(), "%v", withoutToken)
	r.expect("with a good token, requests go on", withToken.Count(stage.OK) == withToken.Count(), "%v", withToken)
	r.expect("missing, zero and absurd expires_in and a bearer in small letters are no fault", working.Count(stage.OK) == working.Count(), "%v", working)
	r.expect("one wire request a try, and few tries", most <= 3, "%d calls for one session", most)
	r.expect("nothing goes to another host", hits.Load() == 0, "%d requests did", hits.Load())
	r.expect("memory is bounded", after.PeakMiB < before.PeakMiB+512, "the peak went from %d to %d MiB", before.PeakMiB, after.PeakMiB)
	r.measure("%v without a token, %v with one; at most %d calls a session for %d requests; peak memory %d → %d MiB",
		withoutToken, withToken, most, requests, before.PeakMiB, after.PeakMiB)
	w.Spotify.ClearFaults()
	healed := time.Now()
	goOnEventually(r, 20*time.Second, append(ended, good...))
	r.measure("all %d sessions work %s after it is well", 2*len(kinds), seconds(time.Since(healed)))
	for _, h := range []*stage.History{withoutToken, withToken, working} {
		lawful(h, r)
	}
}

// goOnEventually waits until every session works; none may be told to log in meanwhile.
func goOnEventually(r *trial, within time.Duration, crowd []stage.Fan) {
	r.Helper()
	h := stage.NewHistory()
	sessiontest.Eventually(r, within, "every session works", func() bool {
		round := stage.NewHistory()
		var group sync.WaitGroup
		for _, f := range crowd {
			group.Go(func() {
				round.Me(f)
				h.Me(f)
			})
		}
		group.Wait()
		return round.Count(stage.OK) == len(crowd)
	})
	r.expect("no session is lost", h.Count(stage.LoginRequired, stage.Reauthorize) == 0, "%v", h)
	lawful(h, r)
}
