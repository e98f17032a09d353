// Package links lets the addresses in an upstream's answer lead to the gateway: those in the JSON of Spotify's Web API and in its
// redirects (map.go, rewriter.go, body.go), and those in a web frontend's redirects (frontend.go).
package links
