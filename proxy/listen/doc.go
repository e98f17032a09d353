// Package listen is the public listener: the server of net/http with every limit set (server.go), on connections whose number
// is bounded and whose peers must read (connections.go), and warnings of what arrives there instead of requests (opening.go).
package listen
