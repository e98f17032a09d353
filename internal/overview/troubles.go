package overview

import (
	"fmt"
	"slices"
	"strings"
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
	storeNotReady      error
	notReady           error  // whatever is not ready, the store among it
	remark             string // what /readyz says although all is ready
	store, tokens      metrics.Health
	failures           []metrics.Failure
	gate               string // why no calls leave; empty when they may
	sessions, replicas counted
}

// An upstream is in trouble when a tenth of its calls fail, and a few do: single failures happen.
const (
	fewFailures   = 3
	troublesShare = 0.1
	// manyLoggedOut is how many sessions must end that no user asked to end: fewer are one user's browsers. This replica knows only
	// those that came to it.
	manyLoggedOut = 3
	// certificateSoon is how long before its end a certificate should be renewed.
	certificateSoon = 14 * 24 * time.Hour
)

// troubles are sentences that say what is wrong and where to look: first what is so now, the gravest first, then what was lately. None
// means that all is well.
func (s state) troubles() []string {
	var found []string
	add := func(wrong bool, format string, values ...any) {
		if wrong {
			found = append(found, fmt.Sprintf(format, values...))
		}
	}
	add(s.notReady != nil, "Not ready: %v.", s.notReady)
	for remark := range strings.Lines(s.remark) {
		remark = strings.TrimRight(remark, ".\n")
		add(remark != "", "%s.", remark)
	}
	if expiry := s.now.CertificateExpiry; !expiry.IsZero() && expiry.Sub(s.now.At) < certificateSoon {
		add(true, "%s", certificateTrouble(expiry, s.now.At))
	}
	if s.tokens.Failing() && s.recent(s.tokens.Failed) {
		add(true, "%s", tokenTrouble(s.tokens.Why))
	}
	add(s.gateClosed(), "%s: no calls leave until %s. Answers that are kept are served meanwhile.", s.gateReason(), s.gateEnd())
	// What follows was lately, and may be over.
	storeErrors := s.now.StoreErrors.Since(s.begin.StoreErrors).Total()
	add(s.storeNotReady == nil && storeErrors > 0, "The session store did not answer %s; the last time: %s. Look at Redis.", times(storeErrors), s.store.Why)
	lost := s.now.Refreshes.Since(s.begin.Refreshes).Of(outcome.RefreshLost)
	add(lost > 0, "New tokens could not be written %s; look at Redis. Their users may have to log in again.", times(lost))
	rejected := s.now.NotAdmitted.Since(s.begin.NotAdmitted).Of(outcome.LimitInFlight)
	add(rejected > 0, "%s rejected as OVERLOADED: this replica serves as many as it can. Look whether an upstream has become slow; "+
		"otherwise add replicas, or raise server.max_in_flight.", requests(rejected))
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
	limited := s.now.RateLimited - s.begin.RateLimited
	add(limited > 0, "Spotify has had enough of the calls: %s answered with 429. Look at which clients ask so often.", requests(limited))
	return append(found, s.loggedOut()...)
}

// endedBy are the ends of sessions that no user asked for and no time-out brought, with what to do.
var endedBy = []struct {
	reason outcome.End
	advice string
}{
	{outcome.EndKeyRemoved, "put the session key that was removed back into session.keys, on all replicas"},
	{outcome.EndStoreLost, "look whether Redis evicts keys, or has restarted without its data"},
	{outcome.EndOperator, "look who ran stagedoor sessions revoke"},
}

// loggedOut says that many users were logged out, and by what; empty when they were not.
func (s state) loggedOut() []string {
	var found []string
	ends := s.now.SessionEnds.Since(s.begin.SessionEnds)
	for _, by := range endedBy {
		if count := ends.Of(by.reason); count > manyLoggedOut {
			found = append(found, fmt.Sprintf("%s users were logged out, reason %s: %s.", whole(count), by.reason, by.advice))
		}
	}
	return found
}

// certificateTrouble says that a certificate has expired, or will soon.
func certificateTrouble(expiry, now time.Time) string {
	day := expiry.UTC().Format("2006-01-02 15:04 UTC")
	if now.After(expiry) {
		return "The certificate of server.tls expired on " + day + ", and browsers reject it; put a new one and its key into their files."
	}
	return "The certificate of server.tls expires on " + day + "; put a new one and its key into their files."
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
