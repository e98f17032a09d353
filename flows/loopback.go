package flows

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// isLoopback tells whether a host name, without port, is this machine.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// strayedLoopback tells whether the browser came by another name of this machine than the public one: cookies that are
// set for "localhost" never reach a callback on 127.0.0.1. Any other Host is ignored.
func strayedLoopback(public *url.URL, r *http.Request) bool {
	name := r.Host
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		name = host
	}
	name = strings.Trim(strings.ToLower(name), "[]")
	return isLoopback(public.Hostname()) && isLoopback(name) && name != public.Hostname()
}
