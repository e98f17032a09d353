package attack

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// forgedHeader is a header by which a client might be taken for somebody else, or make a server do something else.
type forgedHeader struct {
	name, value string
	outcome     forgedOutcome
}

// forgedOutcome is what becomes of a request with a forged header.
type forgedOutcome int

const (
	// ignored is as good as not there: the call is carried out, and Spotify sees nothing of it.
	ignored forgedOutcome = iota
	// refusing keeps the call from being carried out.
	refusing
	// perConnection concerns the connection alone. HTTP/2 has no such header: there the request may also be refused.
	perConnection
)

// forgedHeaders are sent with an ordinary call. Their values name themselves, so that they are found wherever they turn up.
func forgedHeaders() []forgedHeader {
	all := []forgedHeader{
		{"Origin", "https://forged.example", refusing}, {"Origin", "null", refusing},
		{"Sec-Fetch-Site", "cross-site", refusing}, {"Sec-Fetch-Site", "same-site", refusing},
		{"Sec-Fetch-Site", "forged", refusing}, {"Content-Encoding", "forged", refusing}, {"Content-Encoding", "identity, gzip", refusing},
		{"TE", "trailers", perConnection},
		{"TE", "gzip, forged", perConnection}, {"TE", "chunked", perConnection},
		{"Keep-Alive", "forged", perConnection}, {"Proxy-Connection", "forged", perConnection},
		{"HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA", perConnection},
	}
	for _, name := range []string{
		"Authorization", "Proxy-Authorization", "Proxy-Authenticate", "WWW-Authenticate", "X-Authorization",
		"X-Access-Token", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
		"X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-User",
		"X-Forwarded-Ssl", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP",
		"Client-IP", "X-Host", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-Override-URL",
		"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Idempotency-Key", "X-Idempotency-Key", "Via",
		"User-Agent", "From", "Referer", "Sec-Fetch-Mode", "Sec-Fetch-User", "Sec-CH-UA", "Sec-WebSocket-Key",
		"Sec-GPC", "Trailer", "Max-Forwards", "Pragma", "Cache-Control", "Accept-Charset",
		"X-Request-Id", "X-Correlation-Id", "Stagedoor-Reason", "Stagedoor-User", "X-Stagedoor-User",
		"X-Stagedoor-Session", "X-Api-Key", "X-Spotify-Client-Token", "Spotify-App-Version", "App-Platform",
		"Access-Control-Allow-Origin", "Set-Cookie", "Location", "Alt-Svc", "Content-Location", "Early-Data",
		"Priority", "Surrogate-Capability", "Baggage", "B3", "X-B3-TraceId", "X-Amzn-Trace-Id", "Proxy",
		"HTTP2-Settings-X", "Content-MD5", "If-Match", "If-Range", "If-Unmodified-Since",
	} {
		all = append(all, forgedHeader{name, "forged", ignored})
	}
	for _, name := range []string{ // what CGI and its heirs take for the same as with dashes
		"X_Forwarded_For", "X_Forwarded_Host", "X-Forwarded_For", "X_Real_IP", "X_Stagedoor_User", "X_Request_Id",
		"Content_Length", "Transfer_Encoding", "Stagedoor_Request", "If_None_Match", "Content_Type",
		"Accept_Language", "HTTP_AUTHORIZATION",
	} {
		all = append(all, forgedHeader{name, "forged", ignored})
	}
	for _, value := range []string{
		"Authorization", "Cookie", "X-Request-Id, Via, traceparent", "close, Authorization",
		"keep-alive, Accept, User-Agent, Accept-Encoding", "Authorization,Cookie,Via,Host,Content-Length",
		"Stagedoor-Request", "\"Authorization\"", ", ,,", "Upgrade", "close, close", "forged",
	} {
		all = append(all, forgedHeader{"Connection", value, perConnection})
	}
	for _, value := range []string{"h2c", "websocket", "HTTP/2.0", "TLS/1.0", "h2c, websocket", "forged"} {
		all = append(all, forgedHeader{"Upgrade", value, perConnection})
	}
	return all
}

// written are the ways to write a header: once, twice, in other cases with another value, long, and folded (RFC 9112
// section 5.2).
func (f forgedHeader) written(http2 bool) [][]field {
	ways := [][]field{{{f.name, f.value}}, {{f.name, f.value}, {f.name, f.value}}}
	if f.outcome != ignored {
		return ways
	}
	ways = append(ways, []field{{strings.ToUpper(f.name), f.value}, {strings.ToLower(f.name), "forged, again"}},
		[]field{{f.name, strings.Repeat("forged ", 4000)}})
	if !http2 {
		ways = append(ways, []field{{f.name, f.value + "\r\n\tforged\r\n forged"}})
	}
	return ways
}

// problem says what is wrong with the outcome of a call of /api/me with the header; "" for nothing.
func (f forgedHeader) problem(o aftermath, http2 bool) string {
	passed := o.left(http.MethodGet, "/v1/me") && len(o.frontend) == 0 && o.status() < 400
	switch {
	case f.outcome == refusing && o.refused(), f.outcome == perConnection && http2 && o.refused():
		return ""
	case f.outcome == refusing:
		return "it should be refused"
	case !passed:
		return "the call should pass as if it were not there"
	case strings.Contains(strings.Join(headerLines(o.spotify[0].Header), "\n"), "forged"):
		return "it went to Spotify"
	}
	return ""
}

// TestAttackHeaders sends every header that could be believed. Spotify sees what is on the list, and one bearer, ours.
func TestAttackHeaders(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "headers to Spotify")
	for _, w := range b.ways {
		for i, f := range forgedHeaders() {
			for j, lines := range f.written(w.http2) {
				if !w.takes(i + j) {
					continue
				}
				o := b.send(w, request{method: http.MethodGet, target: "/api/me", header: lines})
				fault := stage.Or(strings.Join(b.breaches(o), ", "), f.problem(o, w.http2))
				attacks.expect(fault == "", "%s: %.200q: %s: %v", w.name, lines, fault, o)
			}
		}
		b.tooLarge(attacks, w)
		b.control(w)
	}
}

// tooLarge sends more header than server.max_header allows.
func (b *boundary) tooLarge(attacks *attacks, w way) {
	many := make([]field, 3000)
	for i := range many {
		many[i] = field{"x-many", "0123456789012345678901234567890123456789"}
	}
	for name, header := range map[string][]field{
		"one long line":        {{"x-long", strings.Repeat("x", 200_000)}},
		"a long Authorization": {{"Authorization", "Bearer " + strings.Repeat("x", 200_000)}},
		"a long name":          {{strings.Repeat("x", 200_000), "x"}},
		"many lines":           many,
	} {
		o := b.send(w, request{method: http.MethodGet, target: "/api/me", header: header})
		status := o.status()
		held := o.refused() && (status == 0 || status == http.StatusRequestHeaderFieldsTooLarge)
		attacks.expect(held, "%s: %s: %v", w.name, name, o)
	}
}

// headerLines returns a header's lines, sorted.
func headerLines(h http.Header) []string {
	var lines []string
	for name, values := range h {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	slices.Sort(lines)
	return lines
}
