package attack

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// hostileLines are headers with which an upstream would speak for the gateway's origin, to browsers or to the proxies
// between, or tell lies about the gateway itself. All values hold the word hostile.
var hostileLines = []string{
	"Set-Cookie: stagedoor=hostile; Path=/", "Set-Cookie: stagedoor-login=hostile", "Set-Cookie: other=hostile",
	"set-cookie: a=hostile", "SET-COOKIE: a=hostile", "Set-Cookie : a=hostile",
	"Access-Control-Allow-Origin: http://hostile.example", "Access-Control-Allow-Credentials: hostile",
	"Access-Control-Expose-Headers: hostile", "Access-Control-Allow-Private-Network: hostile", "Access-Control-Max-Age: hostile",
	"Strict-Transport-Security: max-age=31536000; includeSubDomains; hostile", `Alt-Svc: h3="hostile.example:443"`,
	`Clear-Site-Data: "*", "hostile"`, "Server: hostile", "Via: 1.1 hostile", "Link: <https://hostile.example/x.js>; rel=preload; as=script",
	"Refresh: 0; url=https://hostile.example/", "Service-Worker-Allowed: /hostile", "Content-Security-Policy: script-src hostile.example",
	"Content-Security-Policy-Report-Only: default-src 'none'; report-uri https://hostile.example/",
	"Stagedoor-Reason: HOSTILE_hostile", "stagedoor-anything: hostile", "X-Stagedoor-User: hostile", "X-Request-Id: hostile",
	`Report-To: {"endpoints":[{"url":"https://hostile.example"}]}`, `NEL: {"report_to":"hostile"}`, `Reporting-Endpoints: a="https://hostile.example"`,
	"Timing-Allow-Origin: https://hostile.example", "Accept-CH: hostile", "Critical-CH: hostile", "Origin-Agent-Cluster: hostile",
	"Cross-Origin-Resource-Policy: hostile",
	`Speculation-Rules: "https://hostile.example/rules.json"`, `Use-As-Dictionary: match="/hostile*"`, "Set-Login: hostile",
	`Secure-Session-Registration: (ES256);path="hostile"`, `WWW-Authenticate: Basic realm="hostile"`, `WWW-Authenticate: Digest realm="hostile"`,
	`WWW-Authenticate: Bearer realm="x", Basic realm="hostile"`, "WWW-Authenticate: Negotiate hostile", "WWW-Authenticate: NTLM hostile",
	"Proxy-Authenticate: Basic realm=hostile", "X-Accel-Redirect: /hostile", "X-Sendfile: /hostile", "Surrogate-Control: hostile",
	"CDN-Cache-Control: public, hostile", "Cloudflare-CDN-Cache-Control: hostile", "Keep-Alive: hostile", "Upgrade: hostile",
	"Trailer: X-Hostile", "Cache-Status: stagedoor; hit; detail=hostile",
	"Location: https://hostile.example/", "Connection: X-Content-Type-Options, X-Request-Id, Vary, hostile",
}

// fromUpstream are the headers of these tests' upstream that a client may see; fromGateway are those beside, which have
// to be the gateway's.
var (
	fromUpstream = []string{"Content-Type", "Content-Length", "Date", "Cache-Control", "Etag", "X-Harmless"}
	fromGateway  = []string{
		"X-Request-Id", "X-Content-Type-Options", "Vary", "Connection", "Trailer", "Content-Security-Policy", "Cache-Status", "Age",
	}
)

// overheard says what in a header is not on the lists, or is the upstream's word.
func overheard(place string, h http.Header, allowed ...[]string) []string {
	var found []string
	for name, values := range h {
		if !slices.Contains(slices.Concat(allowed...), name) {
			found = append(found, fmt.Sprintf("%s: the header %s: %q", place, name, values))
		}
		for _, value := range values {
			if strings.Contains(strings.ToLower(value), "hostile") || strings.Contains(strings.ToLower(value), "public") {
				found = append(found, fmt.Sprintf("%s: %s says %q", place, name, value))
			}
		}
	}
	return found
}

// violations looks at everything that a client has seen of an answer.
func (h heard) violations() []string {
	found := overheard("the header", h.Header, fromUpstream, fromGateway)
	found = append(found, overheard("a trailer", h.trailer, []string{"X-Harmless", "Cache-Control"})...)
	for _, early := range h.early {
		found = append(found, overheard("a 1xx", early, []string{"X-Harmless", "Cache-Control"})...)
	}
	if strings.Contains(strings.ToLower(h.text), "hostile") {
		found = append(found, "the word is somewhere in what came")
	}
	for _, header := range append([]http.Header{h.Header, h.trailer}, h.early...) {
		if header.Get("Set-Cookie") != "" || header.Get("Stagedoor-Reason") != "" { // hidden behind a fold, or the like
			found = append(found, fmt.Sprintf("the header %v", header))
		}
	}
	if len(h.Header["X-Request-Id"]) != 1 || h.Header.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.Contains(strings.Join(h.Header["Vary"], ","), "Cookie") {
		found = append(found, fmt.Sprintf("the gateway's own are missing: %v", h.Header))
	}
	return found
}

// place is where in an answer a header can stand.
type place struct {
	name string
	say  func(line string) string
	seen func(h heard) bool // the harmless header that stands next to it
	// alone says that each header is tried there by itself.
	alone bool
}

// harmless is what each place says beside a hostile line, and tail what stands in each header.
const (
	harmless = "X-Harmless: yes\r\n"
	tail     = "Connection: close\r\nContent-Type: application/json\r\nETag: \"1\"\r\nCache-Control: public, max-age=60\r\n"
)

func final(status, rest string) func(line string) string {
	return func(line string) string {
		return "HTTP/1.1 " + status + "\r\n" + harmless + tail + line + "\r\n" + rest
	}
}

func inHeader(h heard) bool { return h.Header.Get("X-Harmless") == "yes" }

// tooMany is the place that closes the gate.
var tooMany = place{"429", final("429 Too Many Requests", "Content-Length: 2\r\n\r\n{}"), inHeader, false}

// places are all of them but tooMany. Each says a harmless header, too, which has to arrive: else the place is not tried at all.
func places() []place {
	const chunked = "HTTP/1.1 200 OK\r\n" + tail + "Transfer-Encoding: chunked\r\n"
	early := func(status string) func(string) string {
		return func(line string) string {
			return "HTTP/1.1 " + status + "\r\n" + harmless + line + "\r\n\r\nHTTP/1.1 200 OK\r\n" + tail + "Content-Length: 2\r\n\r\n{}"
		}
	}
	inEarly := func(h heard) bool { return len(h.early) == 1 && h.early[0].Get("X-Harmless") == "yes" }
	inTrailer := func(h heard) bool { return h.trailer.Get("X-Harmless") == "yes" }
	return []place{
		{"200", final("200 OK", "Content-Length: 2\r\n\r\n{}"), inHeader, true},
		{"204", final("204 No Content", "\r\n"), inHeader, false},
		{"206", final("206 Partial Content", "Content-Length: 2\r\n\r\n{}"), inHeader, false},
		{"304", final("304 Not Modified", "\r\n"), inHeader, false},
		{"302", final("302 Found", "Content-Length: 0\r\n\r\n"), inHeader, false},
		{"404", final("404 Not Found", "Content-Length: 2\r\n\r\n{}"), inHeader, false},
		{"500", final("500 Internal Server Error", "\r\n{}"), inHeader, false},
		{"100", early("100 Continue"), inEarly, false},
		{"102", early("102 Processing"), inEarly, false},
		{"103", early("103 Early Hints"), inEarly, true},
		{"a trailer", func(line string) string {
			return chunked + "\r\n2\r\n{}\r\n0\r\n" + harmless + line + "\r\n\r\n"
		}, inTrailer, true},
		{"an announced trailer", func(line string) string {
			return chunked + "Trailer: X-Harmless" + announced(line) + "\r\n\r\n2\r\n{}\r\n0\r\n" + harmless + line + "\r\n\r\n"
		}, inTrailer, true},
	}
}

// headerTrial says headers in the answers of a hostile Web API and looks at what its client sees.
type headerTrial struct {
	v     *stage.Visitor
	h     *hostile
	count *attacks
	paths atomic.Int64 // that were asked; nothing is kept for the next one
	kept  atomic.Int64 // answers that were seen a second time without a call
}

// say has an answer hold lines in a place. An answer that is kept is looked at twice.
func (ht *headerTrial) say(p place, method, lines string, before ...func()) {
	path := fmt.Sprintf("/attack/%d", ht.paths.Add(1))
	ht.h.on("/v1"+path, func(c *net.TCPConn, r *http.Request) {
		for _, await := range before {
			await()
		}
		says(p.say(lines))(c, r)
	})
	got := hear(ht.v, method, "/api"+path)
	found := got.violations()
	if got.broken != nil || method != http.MethodHead && !p.seen(got) {
		found = append(found, fmt.Sprintf("the answer did not come: %v, %q", got.broken, got.text))
	}
	ht.count.expect(len(found) == 0, "%.60q in %s to %s: %v", lines, p.name, method, found)
	if !p.alone || method != http.MethodGet {
		return
	}
	if again := hear(ht.v, method, "/api"+path); again.Header.Get("Cache-Status") == "stagedoor; hit" {
		ht.kept.Add(1)
		found := again.violations()
		ht.count.expect(len(found) == 0, "%.60q in %s, kept: %v", lines, p.name, found)
	}
}

// TestAttackUpstreamHeaders says every hostile header alone, and all of them at once in several spellings and to every
// method, and looks at all that the client sees.
func TestAttackUpstreamHeaders(t *testing.T) {
	stage.OnlyLong(t, "every header on every kind of answer")
	t.Parallel()
	w, h := hostileWorld(t, stage.Options{Log: "debug", Quota: "wait: 0s"}) // no GET waits for the gate, and is sent again
	v := w.Visitor()
	v.Login("ada")
	ht := &headerTrial{v: v, h: h, count: newAttacks(t, "headers of a hostile Web API")}
	all := strings.Join(hostileLines, "\r\n")
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}
	spellings := []string{
		lowerNames(all),
		strings.ReplaceAll(all, "\r\n", "\n"),
		strings.ReplaceAll(all, ": ", ":\t"),
		"X-Harmless: yes\r\n Set-Cookie: a=b\r\n\tStagedoor-Reason: EVIL",
		"Cache-Control: max-age=1,PUBLIC , no-transform\r\nCache-Control: Public",
	}
	for _, p := range places() {
		for _, line := range hostileLines {
			if p.alone {
				ht.say(p, http.MethodGet, line)
			}
		}
		for _, method := range methods {
			ht.say(p, method, all)
		}
		for _, lines := range spellings {
			ht.say(p, http.MethodGet, lines)
		}
	}
	if ht.kept.Load() < 100 {
		t.Errorf("only %d answers were kept", ht.kept.Load())
	}
	// The first 429 closes the gate for what comes later, so they all are under way before one is said.
	var calls sync.WaitGroup
	var underWay atomic.Int64
	all429 := make(chan struct{})
	await := func() {
		if underWay.Add(1) == int64(len(methods)+len(spellings)) {
			close(all429)
		}
		select {
		case <-all429:
		case <-time.After(stage.StartTime):
		}
	}
	for _, method := range methods {
		calls.Go(func() { ht.say(tooMany, method, all, await) })
	}
	for _, lines := range spellings {
		calls.Go(func() { ht.say(tooMany, http.MethodGet, lines, await) })
	}
	calls.Wait()
	sessiontest.Eventually(t, stage.StartTime, "the gate opens", func() bool { return v.Get("/api/me").Status == http.StatusOK })
	unharmed(v, h)
}

// announced lists the names of lines, but those that no answer may announce (RFC 9110 section 6.5.1).
func announced(lines string) string {
	var list string
	for line := range strings.SplitSeq(lines, "\n") {
		if name, _, found := strings.Cut(line, ":"); found && !strings.EqualFold(name, "Trailer") {
			list += ", " + strings.TrimSpace(name)
		}
	}
	return list
}

func lowerNames(lines string) string {
	var out []string
	for line := range strings.SplitSeq(lines, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		out = append(out, strings.ToLower(name)+":"+value)
	}
	return strings.Join(out, "\r\n")
}

// TestAttackUpstreamRedirects leads the gateway elsewhere, which must not follow: not the gateway with its token, not the
// client either.
func TestAttackUpstreamRedirects(t *testing.T) {
	t.Parallel()
	w, h := hostileWorld(t, stage.Options{Log: "debug"})
	elsewhere := newHostile(t, w.Accounts.URL)
	v := w.Visitor()
	v.Login("ada")
	count := newAttacks(t, "redirects of a hostile Web API")
	host := strings.TrimPrefix(h.url, "http://")
	other := strings.TrimPrefix(elsewhere.url, "http://")
	for _, location := range []string{
		elsewhere.url + "/v1/me", "//" + other + "/v1/me", "https://" + other + "/v1/me", `\\` + other + "/v1/me", "/\\" + other,
		"http://" + host + "@" + other + "/v1/me", "http://" + other + "#@" + host + "/v1/me", "http://x:y@" + host + "/v1/me",
		h.url + "/api/token", "/api/token", "../api/token", "/v1/../api/token", h.url + ".evil.example/v1/me", "https://" + host + "/v1/me",
		"javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "file:///etc/passwd", "ftp://" + other + "/", "gopher://" + other,
		" " + elsewhere.url, "http:" + other, "http:/" + other + "/v1/me", "HTTP://" + strings.ToUpper(other) + "/V1", "",
	} {
		for status, method := range map[int]string{
			201: http.MethodPost, 301: http.MethodPut, 302: http.MethodGet, 303: http.MethodDelete, 307: http.MethodPost, 308: http.MethodPut,
		} {
			h.on("/v1/attack", says(fmt.Sprintf("HTTP/1.1 %d x\r\nLocation: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status, location)))
			got := hear(v, method, "/api/attack")
			to := got.Header.Get("Location")
			inside := to == "" || strings.HasPrefix(to, w.Balancer.URL+"/api/") && !strings.Contains(to, "..")
			count.expect(got.Status == status && inside && h.called("/v1/attack") == 1 && elsewhere.connected() == 0,
				"%d to %q after %s: the client got %d and %q, %d calls, %d connections elsewhere",
				status, location, method, got.Status, to, h.called("/v1/attack"), elsewhere.connected())
		}
	}
	// The test would prove nothing if no redirect could reach the client.
	h.on("/v1/attack", says("HTTP/1.1 307 x\r\nLocation: /v1/me\r\nContent-Length: 0\r\n\r\n"))
	if got := hear(v, http.MethodGet, "/api/attack").Header.Get("Location"); got != w.Balancer.URL+"/api/me" {
		t.Errorf("a redirect inside the Web API leads to %q", got)
	}
	unharmed(v, h)
}
