package attack

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// lineAttack is a request whose method or form of target is not the ordinary one.
type lineAttack struct {
	line   string   // the request line
	host   string   // the Host line; "" for the gateway's own
	leaves []string // what Spotify sees, pairs of method and target
	// elsewhere may reach the frontend.
	elsewhere bool
}

// oddMethods are methods that no API route takes.
var oddMethods = []string{
	"TRACE", "TRACK", "CONNECT", "OPTIONS", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK",
	"SEARCH", "PURGE", "DEBUG", "BREW", "LINK", "REPORT", "get", "Get", "gEt", "post", "Put", "delete", "head",
	"GETS", "XGET", "GET-", "GET!", "G", "PRI", "SSTP_DUPLEX_POST", strings.Repeat("A", 300),
}

// lineAttacks are request lines of HTTP/1.1.
func lineAttacks() []lineAttack {
	me := []string{http.MethodGet, "/v1/me"}
	all := []lineAttack{
		// Absolute-form: the host in it leads nowhere.
		{line: "GET http://evil.example/api/me HTTP/1.1", leaves: me},
		{line: "GET https://evil.example:8443/api/me HTTP/1.1", leaves: me},
		{line: "GET http://user:password@evil.example/api/me HTTP/1.1", leaves: me},
		{line: "GET http://[::1]:1/api/me HTTP/1.1", leaves: me},
		{line: "GET HTTP://EVIL.EXAMPLE/api/me HTTP/1.1", leaves: me},
		{line: "GET ftp://evil.example/api/me HTTP/1.1", leaves: me},
		{line: "GET file:///api/me HTTP/1.1", leaves: me},
		{line: "GET http://evil.example/narrow/tracks HTTP/1.1"},
		{line: "GET http://evil.example/api/../api/token HTTP/1.1"},
		{line: "GET http://evil.example/api/%2e%2e/api/token HTTP/1.1"},
		{line: "GET http://evil.example//api/me HTTP/1.1", elsewhere: true},
		{line: "GET http://evil.example HTTP/1.1", elsewhere: true},
		{line: "GET http://evil.example?/api/me HTTP/1.1", elsewhere: true},
		{line: "GET http://evil.example\\api\\me HTTP/1.1"},
		{line: "GET http:///api/me HTTP/1.1", leaves: me},
		{line: "GET http:/api/me HTTP/1.1", leaves: me},
		{line: "GET http:api/me HTTP/1.1"},
		{line: "GET javascript:alert(1) HTTP/1.1"},
		{line: "GET x:http://evil.example/page HTTP/1.1"},
		{line: "GET x:page HTTP/1.1"},
		{line: "GET x:@evil.example/api/me HTTP/1.1"},
		{line: "GET http://evil.example/api/me HTTP/1.1", host: "Host: api.spotify.com", leaves: me},
		// Authority-form, asterisk-form, and none.
		{line: "GET evil.example:80 HTTP/1.1"},
		{line: "GET evil.example HTTP/1.1"},
		{line: "GET api/me HTTP/1.1"},
		{line: "GET ./api/me HTTP/1.1"},
		{line: "GET ../api/me HTTP/1.1"},
		{line: "GET ?/api/me HTTP/1.1"},
		{line: "GET #/api/me HTTP/1.1"},
		{line: "GET \\api\\me HTTP/1.1"},
		{line: "GET @evil.example/api/me HTTP/1.1"},
		{line: "GET * HTTP/1.1"},
		{line: "POST * HTTP/1.1"},
		{line: "GET *//api/me HTTP/1.1"},
		{line: "CONNECT evil.example:443 HTTP/1.1"},
		{line: "CONNECT 127.0.0.1:80 HTTP/1.1"},
		{line: "CONNECT /api/me HTTP/1.1"},
		{line: "CONNECT http://evil.example/api/me HTTP/1.1"},
		{line: "CONNECT * HTTP/1.1"},
		// The line itself.
		{line: "GET /api/me"},
		{line: "GET /api/me HTTP/0.9"},
		{line: "GET /api/me HTTP/2.0"},
		{line: "GET /api/me HTTP/3"},
		{line: "GET /api/me HTTP/1.10"},
		{line: "GET /api/me HTTP/01.1"},
		{line: "GET /api/me http/1.1"},
		{line: "GET /api/me XTTP/1.1"},
		{line: "GET /api/me HTTP/1.1 HTTP/1.1"},
		{line: "GET  /api/me HTTP/1.1"},
		{line: "GET /api/me  HTTP/1.1"},
		{line: " GET /api/me HTTP/1.1"},
		{line: "GET\t/api/me\tHTTP/1.1"},
		{line: "GET\x0b/api/me HTTP/1.1"},
		{line: "GET /api/me /v1/x HTTP/1.1"},
		{line: "GET /api/me\x00 HTTP/1.1"},
		{line: "GET /api/me\x7f HTTP/1.1"},
		{line: "GET /api/me\rX HTTP/1.1"},
		{line: "\x00GET /api/me HTTP/1.1"},
		{line: "GET\x00 /api/me HTTP/1.1"},
		{line: "G ET /api/me HTTP/1.1"},
		{line: "(GET) /api/me HTTP/1.1"},
		{line: "GET:/api/me HTTP/1.1"},
		{line: "/api/me HTTP/1.1"},
		{line: "GET /api/" + strings.Repeat("a", 200_000) + " HTTP/1.1"},
		{line: "GET /api/me?" + strings.Repeat("a", 200_000) + " HTTP/1.1"},
		{line: strings.Repeat("A", 200_000) + " /api/me HTTP/1.1"},
		// Hosts that are none, or several.
		{line: "GET /api/me HTTP/1.1", host: "X-Host: none"},
		{line: "GET /api/me HTTP/1.1", host: "Host: a\r\nHost: b"},
		{line: "GET /api/me HTTP/1.1", host: "Host: a b"},
		{line: "GET /api/me HTTP/1.1", host: "Host: a/b"},
		{line: "GET /api/me HTTP/1.1", host: "Host: a\x00"},
		{line: "GET /api/me HTTP/1.1", host: "Host: api.spotify.com", leaves: me},
		{line: "GET /api/me HTTP/1.1", host: "Host: evil.example@127.0.0.1"},
		{line: "GET /api/me HTTP/1.1", host: "Host:", leaves: me},
	}
	for _, method := range oddMethods {
		for _, target := range []string{"/api/me", "/narrow/me", "/api/../me", "http://evil.example/api/me"} {
			all = append(all, lineAttack{line: method + " " + target + " HTTP/1.1"})
		}
	}
	return all
}

// TestAttackRequestLines sends methods and forms of targets that a browser never does.
func TestAttackRequestLines(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "methods and targets")
	for _, w := range b.ways {
		if !w.http2 {
			b.tryLines(attacks, w)
		}
		b.tryMethods(attacks, w)
		b.control(w)
	}
}

func (b *boundary) tryLines(attacks *attacks, w way) {
	for i, c := range lineAttacks() {
		if !w.takes(i) {
			continue
		}
		text := c.line + "\r\n" + stage.Or(c.host, "Host: gateway.example") + "\r\nConnection: close\r\nCookie: " +
			w.cookie + "\r\nStagedoor-Request: 1\r\n\r\n"
		o := b.watch(func() []stage.Answer { return w.sendText(b.t, text, false) })
		fault := strings.Join(b.breaches(o), ", ")
		switch {
		case fault != "":
		case c.leaves != nil:
			if !o.left(c.leaves...) {
				fault = "Spotify should see " + strings.Join(c.leaves, " ")
			}
		case len(o.spotify) > 0:
			fault = "Spotify should see nothing"
		case !o.refused() && !c.elsewhere:
			fault = "it should be refused"
		}
		attacks.expect(fault == "", "%s: %.200q %q: %s: %v", w.name, c.line, c.host, fault, o)
	}
}

// tryMethods wants 405 for a method that a route does not take; nowhere is there a TRACE, which would show the cookie to
// a script, or a CONNECT.
func (b *boundary) tryMethods(attacks *attacks, w way) {
	for i, method := range oddMethods {
		if w.http2 && method == http.MethodConnect || !w.takes(i) { // CONNECT has another form in HTTP/2
			continue
		}
		o := b.send(w, request{method: method, target: "/api/me"})
		named := slices.ContainsFunc(o.answers, func(a stage.Answer) bool { return strings.Contains(a.Body, "METHOD_REFUSED") })
		attacks.expect(o.refused() && o.status() == http.StatusMethodNotAllowed && named && len(b.breaches(o)) == 0,
			"%s: %.30s /api/me: %v", w.name, method, o)
	}
	for _, target := range []string{
		"/api/me", "/narrow/me", "/auth/session", "/auth/login", "/auth/nothing", "/page", "/",
	} {
		o := b.send(w, request{method: http.MethodTrace, target: target})
		attacks.expect(o.refused() && o.status()/100 == 4 && len(b.breaches(o)) == 0, "%s: TRACE %s: %v", w.name, target, o)
	}
	for header, value := range map[string]string{
		"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "PUT", "X-Method-Override": "POST", "_method": "DELETE",
	} {
		override := []field{{header, value}}
		o := b.send(w, request{method: http.MethodGet, target: "/api/me?_method=DELETE", header: override})
		held := o.left(http.MethodGet, "/v1/me?_method=DELETE") && len(b.breaches(o)) == 0
		attacks.expect(held, "%s: %s: %v", w.name, header, o)
		o = b.send(w, request{method: http.MethodPatch, target: "/api/me", header: override})
		attacks.expect(o.refused(), "%s: %s with PATCH: %v", w.name, header, o)
	}
}
