// Package session answers two questions for every request: which session does this browser have, and which access token
// of that session is good now?
//
// A browser holds a cookie with a random id and nothing else. The store knows the id's SHA-256, under which it keeps a
// record that is sealed with a key made of a configured key and the id itself. So neither a dump of the store, nor the
// configuration, nor both together open a record: the cookie is the missing part.
//
//	cookie ── id ──┬── SHA-256 ──▶ where the record lies     (store)
//	               └── HKDF with a configured key ──▶ what opens it   (sealer)
//
// A record changes by compare and swap on its version, and disappears by deletion; a write never brings back what was
// deleted. A token that must be refreshed is refreshed by one call: one flight in the process (flight.go), one lease
// over all replicas, a second look at the record once the lease is held, one write. What a refresh is, in OAuth's terms,
// the package does not know: it is given a function.
package session
