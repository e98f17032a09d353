package main

import (
	"net"
	"net/http"
	"time"
)

// serve serves a handler in this process until the section is over, and returns its origin.
func (b *bench) serve(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until it is closed
	b.after(func() { _ = server.Close() })
	return "http://" + listener.Addr().String(), nil
}
