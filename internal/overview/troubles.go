package overview

import (
	"fmt"
	"slices"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/internal/metrics"
	"stagedoor/internal/outcome"
)

// state is everything that one picture of the page is made of.
type state struct {
	options            Options
	started            time.Time
	now, begin         metrics.Reading // the window lies between them
	notReady           error
	store, tokens      metrics.Health
	failures           []metrics.Failure
	gate               string // why no calls leave; empty when they may
	sessions, replicas counted
}

// An upstream is in trouble when a tenth of its calls fail, and a few do: single failures happen.
const (
	fewFailures   = 3
	troublesShare = 0.1
)

// troubles are sentences that say what is wrong and where to look, the gravest first. None means that all is well.
func (s state) troubles() []string {
	var found []string
	add := func(wrong bool, format string, values ...any) {
		if wrong {
			found = append(found, fmt.Sprintf(format, values...))
		}
	}
	add(s.notReady != nil, "Not ready: %v.", s.notReady)
	storeErrors := s.now.StoreErrors.Since(s.begin.StoreErrors).Total()
	add(s.notReady == nil && storeErrors > 0, "The session store did not answer %s; the last time: %s. Look at Redis.", times(storeErrors), s.store.Why)
	lost := s.now.Refreshes.Since(s.begin.Refreshes).Of(outcome.RefreshLost)
	add(lost > 0, "New tokens could not be written %s; look at Redis. Their users may have to log in again.", times(lost))
	if s.tokens.Failing() && s.recent(s.tokens.Failed) {
		add(true, "%s", tokenTrouble(s.tokens.Why))
	}
	for _, route := range routesOf(s.now.Upstream) {
		calls := s.now.Upstream[route].Since(s.begin.Upstream[route])
		failed := failures(calls)
		add(failed >= fewFailures && failed >= troublesShare*calls.Total(),
			"The upstream of %s failed %s of %s calls; look at the upstreams and the last failures below.", route, whole(failed), whole(calls.Total()))
	}
	internal := slices.ContainsFunc(s.failures, func(f metrics.Failure) bool {
		return f.Reason == httperror.InternalError && s.recent(f.Last)
	})
	add(internal, "The gateway itself failed; look for the level error in its log.")
	add(s.gateClosed(), "%s: no calls leave until %s. Answers that are kept are served meanwhile.", s.gateReason(), s.gateEnd())
	limited := s.now.RateLimited - s.begin.RateLimited
	add(limited > 0, "Spotify has had enough of the calls: %s answered with 429. Look at which clients ask so often.", requests(limited))
	return found
}

// tokenTrouble says what a refresh says of the token endpoint.
func tokenTrouble(result string) string {
	if result == "client_misconfigured" {
		return "Spotify refuses the client id or secret; correct spotify.client_id and spotify.client_secret. Sessions stay."
	}
	return "Spotify's token endpoint does not help, so tokens cannot be refreshed; look for \"a token could not be refreshed\" in the log. Sessions stay."
}

// recent tells whether something happened in the window.
func (s state) recent(at time.Time) bool { return s.now.At.Sub(at) <= window }

// failures are the calls that an upstream did not do right.
func failures(calls metrics.Counts) float64 { return calls["none"] + calls["5xx"] }
