package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Guard keeps web pages away from the admin listener. A page can give a name of its own the listener's address (DNS
// rebinding); the browser then takes the two for one origin, and the name in Host is all that tells. So Host must be an IP
// literal, localhost or one of hosts, with any port, for every path: /readyz names what is broken. A request without a
// Host, which no browser sends, passes; load balancers probe so. Requests that a browser makes for another site, and those
// with a foreign Origin, are rejected.
//
// Hosts is called for each request and must be safe for concurrent use.
func Guard(hosts func() []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !adminHost(r.Host, hosts()):
			sayPlainly(w, http.StatusForbidden, fmt.Sprintf(
				"The admin listener does not answer to the name %.100q. Ask it by its IP address or as localhost, or add the name to admin.hosts.", r.Host))
		case crossSite(r):
			sayPlainly(w, http.StatusForbidden,
				"The admin listener does not answer to other web sites. Type its address into the browser instead of following a link.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// adminHost tells whether a Host header names the admin listener.
func adminHost(host string, names []string) bool {
	if host == "" {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if _, err := netip.ParseAddr(host); err == nil || strings.EqualFold(host, "localhost") {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(host, strings.TrimSuffix(name, ".")) })
}

// crossSite tells whether a browser says that another site caused a request (Fetch Metadata, and the Fetch standard's
// Origin). A request without either header comes from a program, or from the address bar.
func crossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return true
	}
	origins := r.Header.Values("Origin")
	return slices.ContainsFunc(origins, func(origin string) bool {
		u, err := url.Parse(origin)
		return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
	})
}
