package policy

import (
	"net/http"
	"strings"
)

// RequestIDHeader names one request in the logs of all that it passes.
const RequestIDHeader = "X-Request-Id"

// droppedFromAPI are the headers of an API answer that would speak for more than the answer: for the gateway's whole
// origin to a browser, or to the proxies between the two.
var droppedFromAPI = map[string]bool{
	"Set-Cookie": true, "Strict-Transport-Security": true, "Alt-Svc": true, "Clear-Site-Data": true, "Server": true,
	"Via": true, "Link": true, "Refresh": true, "Service-Worker-Allowed": true, "Content-Security-Policy": true,
	"Content-Security-Policy-Report-Only": true,
	// What browsers remember of an origin, or begin for it.
	"Accept-Ch": true, "Critical-Ch": true, "Origin-Agent-Cluster": true, "Set-Login": true, "Use-As-Dictionary": true,
	"Sec-Session-Registration": true, "Secure-Session-Registration": true, "Speculation-Rules": true,
	// What they report to others about it, and let others read of it.
	"Nel": true, "Report-To": true, "Reporting-Endpoints": true, "Timing-Allow-Origin": true, "Cross-Origin-Resource-Policy": true,
	// What proxies and caches obey.
	"X-Sendfile": true, "Surrogate-Control": true, "Edge-Control": true, "Cache-Groups": true, "Cache-Group-Invalidation": true, // RFC 9875
}

func isDroppedFromAPI(name string) bool {
	return isReserved(name) || droppedFromAPI[name] || strings.HasPrefix(name, "Access-Control-") ||
		strings.HasPrefix(name, "X-Accel-") || strings.HasSuffix(name, "-Cache-Control") // RFC 9213, and what is like it
}

// CleanFinal removes from the header of an API answer what Spotify must not say in the gateway's name, and every permission
// to share the answer.
func CleanFinal(h http.Header) {
	cleanHeader(h)
	makePrivate(h)
}

// CleanAside does it to a 1xx header and to trailers, which lead nowhere and say nothing to caches.
func CleanAside(h http.Header) {
	cleanHeader(h)
	delete(h, "Location")
	delete(h, "Cache-Status") // in the final header the gateway's own replaces it
	dropCaching(h)
}

// cleanHeader drops what is not a header's name, too: it has no canonical form, by which names are known.
func cleanHeader(h http.Header) {
	for name := range h {
		if !IsToken(name) || isDroppedFromAPI(name) {
			delete(h, name)
		}
	}
	keepBearerChallenges(h)
}

// hopByHop are the headers about one connection (RFC 9110 section 7.6.1), of which httputil.ReverseProxy frees the final
// header alone.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// DropHopByHop removes them from a 1xx header or from trailers, on every route, and beside them what is not a header's name:
// "Set-Cookie " with the blank is one for some clients.
func DropHopByHop(h http.Header) {
	for name := range h {
		if !IsToken(name) {
			delete(h, name)
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// DropReserved removes what only the gateway itself may say, on every route.
func DropReserved(h http.Header) {
	for name := range h {
		if isReserved(name) {
			delete(h, name)
		}
	}
}

// isReserved tells whether only the gateway itself may say a header.
func isReserved(name string) bool {
	return strings.HasPrefix(name, "Stagedoor-") || strings.HasPrefix(name, "X-Stagedoor-") || name == RequestIDHeader
}

// browserSchemes are those for which a browser asks its user for a password, or answers by itself. It would do so in the
// name of the gateway's origin.
var browserSchemes = []string{"basic", "digest", "negotiate", "ntlm"}

// keepBearerChallenges leaves of WWW-Authenticate what Spotify says about its own tokens (RFC 6750 section 3).
func keepBearerChallenges(h http.Header) {
	const name = "Www-Authenticate"
	var kept []string
	for _, line := range h[name] {
		if !namesBrowserScheme(line) {
			kept = append(kept, line)
		}
	}
	delete(h, name)
	if len(kept) > 0 {
		h[name] = kept
	}
}

// namesBrowserScheme looks at every word, because one line may hold several challenges (RFC 9110 section 11.6.1).
func namesBrowserScheme(line string) bool {
	for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		for _, scheme := range browserSchemes {
			if strings.EqualFold(word, scheme) {
				return true
			}
		}
	}
	return false
}

// AddVary names one more request header on which the answer depends.
func AddVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for listed := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(listed), name) {
				return
			}
		}
	}
	h["Vary"] = append(h["Vary"], name)
}
