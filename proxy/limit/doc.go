// Package limit bounds what the gateway takes on: how many requests it serves at a time (inflight.go), as many as the files
// and the memory of the process allow (capacity.go), and how many one client may send (clients.go).
package limit
