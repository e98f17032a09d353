// Package quota spends the calls that Spotify allows to one client id, for all users and all replicas together.
//
// Spotify counts the calls of a client id over all its users in a rolling window of 30 seconds, and rejects all calls beyond
// its limit (https://developer.spotify.com/documentation/web-api/concepts/rate-limits). A request passes four stages:
//
//	cache    an answer that is kept for the same owner and is fresh needs no call     (cache.go, kept.go, directives.go)
//	joining  equal GETs of one owner that arrive during a call share its answer       (flight.go)
//	gate     after a 429 no replica calls until its Retry-After has run               (gate.go)
//	budget   no more than a configured number of calls leave in any window            (budget.go, draw.go, holdings.go, share.go, renewals.go)
//
// An owner is a session, a shared account, or the app itself. An answer that is cached for one owner is never given to
// another. The cache is in the memory of this process alone. The gate and the budget are shared by the replicas through a
// ledger, which implements Gates and Allowance: Redis, or Memory for a single replica.
package quota
