// Package session answers two questions for every request: which session does this browser have, and which access token
// of that session is good now?
//
// A browser holds a cookie with a random id and nothing else. The store knows the id's SHA-256, under which it keeps a
// record that is sealed with a key made of a configured key and the id itself. So neither a dump of the store, nor the
// configuration, nor both together open a record: the cookie is the missing part.
//
//	cookie ── id ──┬── SHA-256 ──▶ where the record lies     (store)
//	               └── HKDF with a configured key ──▶ what opens it   (package seal)
//
// A record changes by compare and swap on its version, and disappears by deletion; a write never brings back what was
// deleted. A token that must be refreshed is refreshed by one call: one flight in the process (flight.go), one lease
// over all replicas, a second load of the record once the lease is acquired, one write. The package does not know what a
// refresh is in OAuth's terms: it is given a function.
//
// The limits of a refresh, and of the requests that wait for it (docs/refresh.md gives the reasons):
//
//	limit                  | value           | what it bounds
//	-----------------------|-----------------|-----------------------------------------------------------------------
//	Config.RefreshBefore   | 1 min           | a token with less life than this is refreshed
//	enoughLife             | 5 s             | a request whose token lives longer does not wait for the refresh
//	waitForToken           | 15 s            | the wait of a request that has no good token
//	waitWithToken          | 5 s             | the wait of a request whose token is good, but too short for its use
//	stepTime               | 1 min           | each step of a refresh: the wait for the lease, the call, the save
//	leaseTime              | 10 s            | how long the lease of a dead replica stops the others; a living one
//	                       |                 | renews it every third of that
//	leasePoll              | 50 ms           | how often a replica checks whether another one has finished
//	savePoll               | 250 ms          | how often a save is tried again during an outage of the store
//	outageCalm             | 1 s             | after an outage no replica asks for a lease
//	firstBackoff .. max    | 0.5 s .. 15 s   | the backoff after the second and later failures, doubled, with jitter
//	longestRetryAfter      | 5 min           | what the token endpoint may ask for instead
//	ForcedRefreshInterval  | 30 s            | the least time between two forced refreshes of a session
//	outageLifetime         | 10 s            | how long a cached session is served during an outage of the store
//	freshLifetime          | 2 s             | how long a cached session is served without a load
//
// New readers begin with: store.go (what a store promises), session.go and record.go (what a session is), manager.go (the face),
// find.go, create.go and end.go (what it does), vault.go (sealed records) with package seal, cache.go (local copies),
// refresher.go with flight.go (one call, one lease, one write) and backoff.go (tokens), index.go with prune.go and userlist.go
// (a user's sessions), operator.go, account.go, loginstate.go, ticket.go.
package session
