package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// frameAttack is a request of HTTP/2 as no client writes it.
type frameAttack struct {
	name   string
	fields []field // of the request; pseudo fields among them
	body   string
	// leaves is what Spotify may see if it is not refused, pairs of method and target; none means that it must be refused.
	leaves []string
}

// frameAttacks would be other requests if they were written down as HTTP/1.1 without a look: the known way from HTTP/2 into
// the connection behind a gateway.
func frameAttacks(cookie string) []frameAttack {
	const injected = "x\r\nAuthorization: Bearer forged\r\n\r\nGET /v1/me?hidden HTTP/1.1\r\nHost: forged\r\n\r\n"
	ordinary := func(change string, to ...field) []field {
		var fields []field
		for _, f := range []field{
			{":method", "GET"}, {":scheme", "http"}, {":authority", "gateway.example"}, {":path", "/api/me"}, {"cookie", cookie}, {"stagedoor-request", "1"},
		} {
			if f.name == change {
				fields = append(fields, to...)
				continue
			}
			fields = append(fields, f)
		}
		return fields
	}
	also := func(more ...field) []field { return append(ordinary(""), more...) }
	me := []string{http.MethodGet, "/v1/me"}
	all := []frameAttack{
		{name: "control: nothing odd", fields: ordinary(""), leaves: me},
		{name: "two paths", fields: ordinary(":path", field{":path", "/api/me"}, field{":path", "/api/me?hidden"})},
		{name: "no path", fields: ordinary(":path")},
		{name: "two methods", fields: ordinary(":method", field{":method", "GET"}, field{":method", "DELETE"})},
		{name: "no method", fields: ordinary(":method")},
		{name: "two authorities", fields: ordinary(":authority", field{":authority", "a"}, field{":authority", "b"})},
		{name: "no scheme", fields: ordinary(":scheme")},
		{name: "an unknown pseudo field", fields: ordinary(":scheme", field{":scheme", "http"}, field{":forged", "x"})},
		{name: "a pseudo field of answers", fields: ordinary(":scheme", field{":scheme", "http"}, field{":status", "200"})},
		{name: "a pseudo field at the end", fields: append(ordinary(":path"), field{":path", "/api/me"})},
		{name: "a pseudo field twice, at the end", fields: also(field{":path", "/api/me?hidden"})},
		{name: "extended CONNECT", fields: ordinary(":method", field{":method", "CONNECT"}, field{":protocol", "websocket"})},
		{name: "CONNECT", fields: []field{{":method", "CONNECT"}, {":authority", "evil.example:443"}, {"cookie", cookie}}},
		{name: "CONNECT with a path", fields: ordinary(":method", field{":method", "CONNECT"})},
		{name: "another host than the authority", fields: also(field{"host", "evil.example"}), leaves: me},
		{name: "a host instead of an authority", fields: ordinary(":authority", field{"host", "evil.example"})}, // it comes before :path
		{name: "cookies in crumbs", fields: also(field{"cookie", "a=1"}, field{"cookie", "b=2"}), leaves: me},
		{name: "trailers announced", fields: also(field{"trailer", "authorization"}), leaves: me},
	}
	for _, path := range []string{
		"api/me", "http://evil.example/api/me?hidden", "*", "", "?", "x:/api/me?hidden", "x:y", "/api/me HTTP/1.1\r\nAuthorization: Bearer forged\r\nX:",
		"/api/me\r\n", "/api/me\n", "/api/me\r", "/api/me\x00", "/api/me\t", "/api/me\x7f", "/api/" + strings.Repeat("a", 100_000),
		"/api/me HTTP/1.1", "/api/\r\n/me", "/api/me?\r\nx: y", "/api/me?a\x00", "/api/me?a\tb",
	} {
		a := frameAttack{name: "path " + path, fields: ordinary(":path", field{":path", path})}
		switch path {
		case "x:/api/me?hidden", "http://evil.example/api/me?hidden": // no more than a host that leads nowhere
			a.leaves = []string{http.MethodGet, "/v1/me?hidden"}
		case "/api/me HTTP/1.1":
			a.leaves = []string{http.MethodGet, "/v1/me%20HTTP/1.1"}
		}
		all = append(all, a)
	}
	for _, method := range []string{"GET /v1/me?hidden HTTP/1.1\r\nX: y\r\n\r\nGET", "GET ", " GET", "GET\r\n", "GET\x00", "G\tET", "GET /", "", "get", "GE:T", "\"GET\"", "G(E)T"} {
		all = append(all, frameAttack{name: "method " + method, fields: ordinary(":method", field{":method", method})},
			frameAttack{name: "to the frontend, method " + method, fields: append([]field{
				{":method", method + "\r\n"}, {":scheme", "http"}, {":authority", "gateway.example"}, {":path", "/page"}}, field{"cookie", cookie})},
			frameAttack{name: "to the frontend, spaced method " + method, fields: append([]field{
				{":method", method + " x"}, {":scheme", "http"}, {":authority", "gateway.example"}, {":path", "/page"}}, field{"cookie", cookie})})
	}
	for _, value := range []string{injected, "a\r\nb", "a\nb", "a\rb", "a\x00b", "\r\nx: y", "x\r\n"} {
		for _, name := range []string{"accept", "accept-language", "content-type", "range", "traceparent", "if-none-match", "x-other", "cookie"} {
			all = append(all, frameAttack{name: name + ": " + value, fields: also(field{name, value})})
		}
		all = append(all, frameAttack{name: "authority " + value, fields: ordinary(":authority", field{":authority", value})},
			frameAttack{name: "scheme " + value, fields: ordinary(":scheme", field{":scheme", value})},
			frameAttack{name: "the name " + value, fields: also(field{value, "x"})},
			frameAttack{name: "the name accept: " + value, fields: also(field{"accept: " + value, "x"})})
	}
	for _, f := range []field{
		{"transfer-encoding", "chunked"}, {"connection", "close"}, {"connection", "authorization"}, {"upgrade", "websocket"}, {"upgrade", "h2c"}, {"keep-alive", "x"},
		{"proxy-connection", "x"}, {"te", "chunked"}, {"Accept", "x"}, {"AUTHORIZATION", "Bearer forged"}, {"Cookie", "a=b"}, {"", "x"}, {" accept", "x"}, {"accept ", "x"},
		{"accept:", "x"}, {":accept", "x"}, {"transfer-encoding ", "chunked"}, {"transfer\tencoding", "chunked"}, {"content-length\x00", "5"},
	} {
		all = append(all, frameAttack{name: "field " + f.name + ": " + f.value, fields: also(f)},
			frameAttack{name: "a body, and field " + f.name + ": " + f.value, fields: append(ordinary(":method", field{":method", "POST"}), f), body: "0\r\n\r\n" + injected})
	}
	for _, length := range []string{"0", "1", "5", "9999", "-1", "+3", "0x3", "3, 4", "3,3", "99999999999999999999", "three", " "} {
		all = append(all, frameAttack{name: "a body of another length than " + length, body: "123",
			fields: append(ordinary(":method", field{":method", "POST"}), field{"content-length", length})})
	}
	post := []string{http.MethodPost, "/v1/me"} // with the length that the body has
	return append(all,
		frameAttack{name: "two lengths", leaves: post, body: "123", fields: append(ordinary(":method", field{":method", "POST"}), field{"content-length", "3"}, field{"content-length", "0"})},
		frameAttack{name: "a length and no body", leaves: post, fields: append(ordinary(":method", field{":method", "POST"}), field{"content-length", "5"})})
}

// TestAttackFrames sends requests of HTTP/2 that are not well formed (RFC 9113 section 8.1.1).
func TestAttackFrames(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "HTTP/2 frames")
	for _, w := range b.ways[2:] {
		for i, c := range frameAttacks(w.cookie) {
			if w.roots != nil && !w.takes(i) {
				continue
			}
			o := b.send(w, request{header: c.fields, body: c.body, bare: true})
			held := o.refused() || c.leaves != nil && o.left(c.leaves...) && len(o.frontend) == 0
			fault := strings.Join(b.faults(o), ", ")
			attacks.held(held && fault == "", "%s: %.200q: %s: %v", w.name, c.name, fault, o)
		}
		b.control(w)
	}
}
