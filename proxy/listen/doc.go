// Package listen is the public listener: the server of net/http with every limit set (server.go), on a bounded number of
// connections that end when the peer stops reading (connections.go), and warnings of what arrives there instead of requests
// (opening.go).
package listen
