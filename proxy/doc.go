// Package proxy is the public listener's whole way of a request, from the browser to an upstream and back.
//
// The way in: a request id and the client's address (front.go), the route (router.go), the cross-origin rule
// (crossorigin.go), the path and the method (path.go, pattern.go), the session and its token (api.go), the body
// (body.go), and a request that is built from an allow-list (outgoing.go). The way back: a replay after a 401
// (replay.go), a cleaned answer (answer.go) whose links stay inside (links.go), and an access line (accesslog.go).
// Routes without credentials are an ordinary reverse proxy (frontend.go) or a folder of files (files.go).
package proxy
