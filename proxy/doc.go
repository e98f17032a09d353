// Package proxy is the public listener's whole way of a request, from the browser to an upstream and back.
//
// The way in: a request id and the client's address (exchange.go), the route (routes.go), the cross-origin rule, the path and the
// method (api.go, by the rules of package policy), the session (credentials.go), the body (body.go), and a request that is built
// from an allow-list (forward.go). It passes the cache, the joining, the gate and the budget (quota.go), and gets a token
// (replay.go). The way back: a replay after a 401 (replay.go), a cleaned answer (answer.go) with links that lead to the gateway
// (package links), and an access line (accesslog.go). A rejection is an error that a step returns; exchange.go answers it.
//
// Routes without credentials are an ordinary reverse proxy (frontend.go) or a folder of files (files.go).
package proxy
