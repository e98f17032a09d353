// Package policy is what the gateway decides from a request or an answer alone: pure rules without I/O, state or
// time. Each file is one rule, and has a fuzz target where it reads hostile input.
//
// On the way in: the path and its patterns (path.go, allow.go), the query (query.go), the cross-origin rule (origin.go,
// crossorigin.go, cors.go), the client's address (clientaddress.go), API keys (apikeys.go), cookies (cookies.go), and the
// headers that Spotify (apirequest.go) or a frontend (frontendrequest.go) gets. On the way back: the headers that an answer may have
// (answerheader.go, cachecontrol.go) and whether a browser could take it for a page (sandbox.go).
package policy
