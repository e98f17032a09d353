package attack

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// frameAttack is a request of HTTP/2 as no client writes it.
type frameAttack struct {
	name   string
	fields []field // of the request; pseudo fields among them
	body   string
	// leaves is what Spotify may see if it is not refused, pairs of method and target; none means that it must be
	// refused.
	leaves []string
}

// usualFields are those of an ordinary call, one of which is replaced by others; "" replaces none.
func usualFields(cookie, replaced string, by ...field) []field {
	var fields []field
	for _, f := range []field{
		{":method", "GET"}, {":scheme", "http"}, {":authority", "gateway.example"}, {":path", "/api/me"},
		{"cookie", cookie}, {"stagedoor-request", "1"},
	} {
		if f.name == replaced {
			fields = append(fields, by...)
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

// pseudoAttacks concern the fields that stand for the request line (RFC 9113 section 8.3.1).
func pseudoAttacks(cookie string) []frameAttack {
	me, hidden := []string{http.MethodGet, "/v1/me"}, []string{http.MethodGet, "/v1/me?hidden"}
	usual := func(replaced string, by ...field) []field { return usualFields(cookie, replaced, by...) }
	also := func(more ...field) []field { return append(usual(""), more...) }
	scheme, connect := field{":scheme", "http"}, field{":method", "CONNECT"}
	all := []frameAttack{
		{name: "two paths", fields: usual(":path", field{":path", "/api/me"}, field{":path", "/api/me?hidden"})},
		{name: "no path", fields: usual(":path")},
		{name: "two methods", fields: usual(":method", field{":method", "GET"}, field{":method", "DELETE"})},
		{name: "no method", fields: usual(":method")},
		{name: "two authorities", fields: usual(":authority", field{":authority", "a"}, field{":authority", "b"})},
		{name: "no scheme", fields: usual(":scheme")},
		{name: "an unknown pseudo field", fields: usual(":scheme", scheme, field{":forged", "x"})},
		{name: "a pseudo field of answers", fields: usual(":scheme", scheme, field{":status", "200"})},
		{name: "a pseudo field at the end", fields: append(usual(":path"), field{":path", "/api/me"})},
		{name: "a pseudo field twice, at the end", fields: also(field{":path", "/api/me?hidden"})},
		{name: "a pseudo field after a host", fields: usual(":authority", field{"host", "evil.example"})},
		{name: "CONNECT", fields: []field{connect, {":authority", "evil.example:443"}, {"cookie", cookie}}},
		{name: "CONNECT with a path", fields: usual(":method", connect)},
		{name: "extended CONNECT", fields: usual(":method", connect, field{":protocol", "websocket"})},
		{name: "another host than the authority", fields: also(field{"host", "evil.example"}), leaves: me},
	}
	for path, leaves := range map[string][]string{
		"x:/api/me?hidden": hidden, "http://evil.example/api/me?hidden": hidden, // no more than a host that leads nowhere
		"/api/me HTTP/1.1": {http.MethodGet, "/v1/me%20HTTP/1.1"},
		"/api/me HTTP/1.1\r\nAuthorization: Bearer forged\r\nX:": nil, "/api/" + strings.Repeat("a", 100_000): nil,
		"": nil, "?": nil, "*": nil, "api/me": nil, "x:y": nil, "/api/\r\n/me": nil, "/api/me\r\n": nil,
		"/api/me\n": nil, "/api/me\r": nil, "/api/me\x00": nil, "/api/me\t": nil, "/api/me\x7f": nil,
		"/api/me?\r\nx: y": nil, "/api/me?a\x00": nil,
	} {
		all = append(all, frameAttack{name: "path " + path, fields: usual(":path", field{":path", path}), leaves: leaves})
	}
	for _, method := range []string{
		"GET /v1/me?hidden HTTP/1.1\r\nX: y\r\n\r\nGET", "GET ", " GET", "GET\r\n", "GET\x00", "G\tET", "GET /", "",
		"GE:T", "\"GET\"", "G(E)T",
	} {
		changed := usual(":method", field{":method", method})
		all = append(all, frameAttack{name: "method " + method, fields: changed},
			frameAttack{name: "to the frontend, method " + method, fields: append([]field{{":path", "/page"}},
				slices.DeleteFunc(slices.Clone(changed), func(f field) bool { return f.name == ":path" })...)})
	}
	return all
}

// fieldAttacks would be other requests if they were written down as HTTP/1.1 without a look: the known way from HTTP/2
// into the connection behind a gateway.
func fieldAttacks(cookie string) []frameAttack {
	const injected = "x\r\nAuthorization: Bearer forged\r\n\r\nGET /v1/me?hidden HTTP/1.1\r\nHost: forged\r\n\r\n"
	usual := func(replaced string, by ...field) []field { return usualFields(cookie, replaced, by...) }
	get := func(more ...field) []field { return append(usual(""), more...) }
	post := func(more ...field) []field { return append(usual(":method", field{":method", "POST"}), more...) }
	length := func(value string) field { return field{"content-length", value} }
	seen := []string{http.MethodPost, "/v1/me"}
	all := []frameAttack{
		{name: "cookies in crumbs", fields: get(field{"cookie", "a=1"}, field{"cookie", "b=2"}),
			leaves: []string{http.MethodGet, "/v1/me"}},
		{name: "trailers announced", fields: get(field{"trailer", "authorization"}),
			leaves: []string{http.MethodGet, "/v1/me"}},
		{name: "two lengths", fields: post(length("3"), length("0")), body: "123", leaves: seen}, // with the body's own
		{name: "a length and no body", fields: post(length("5")), leaves: seen},
	}
	for _, value := range []string{injected, "a\r\nb", "a\nb", "a\rb", "a\x00b", "\r\nx: y", "x\r\n"} {
		for _, name := range append([]string{"X-Other", "Cookie"}, toSpotify...) {
			all = append(all, frameAttack{name: name + ": " + value, fields: get(field{strings.ToLower(name), value})})
		}
		all = append(all,
			frameAttack{name: "authority " + value, fields: usual(":authority", field{":authority", value})},
			frameAttack{name: "scheme " + value, fields: usual(":scheme", field{":scheme", value})},
			frameAttack{name: "the name " + value, fields: get(field{value, "x"})},
			frameAttack{name: "the name accept: " + value, fields: get(field{"accept: " + value, "x"})})
	}
	for _, f := range []field{ // HTTP/2 has no such field
		{"transfer-encoding", "chunked"}, {"transfer-encoding ", "chunked"}, {"transfer\tencoding", "chunked"},
		{"connection", "close"}, {"connection", "authorization"}, {"upgrade", "websocket"}, {"upgrade", "h2c"},
		{"keep-alive", "x"}, {"proxy-connection", "x"}, {"te", "chunked"}, {"Accept", "x"},
		{"AUTHORIZATION", "Bearer forged"}, {"Cookie", "a=b"}, {"", "x"}, {" accept", "x"}, {"accept ", "x"},
		{"accept:", "x"}, {":accept", "x"}, {"content-length\x00", "5"},
	} {
		all = append(all, frameAttack{name: "field " + f.name + ": " + f.value, fields: get(f)},
			frameAttack{name: "a body, and field " + f.name + ": " + f.value, fields: post(f), body: "0\r\n\r\n" + injected})
	}
	for _, value := range []string{
		"0", "1", "5", "9999", "-1", "+3", "0x3", "3, 4", "3,3", "99999999999999999999", "three", " ",
	} {
		all = append(all, frameAttack{name: "a body of another length than " + value, fields: post(length(value)), body: "123"})
	}
	return all
}

// TestAttackFrames sends requests of HTTP/2 that are not well formed (RFC 9113 section 8.1.1).
func TestAttackFrames(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "HTTP/2 frames")
	for _, w := range b.ways[2:] {
		for i, c := range append(pseudoAttacks(w.cookie), fieldAttacks(w.cookie)...) {
			if w.roots != nil && !w.takes(i) {
				continue
			}
			o := b.send(w, request{header: c.fields, body: c.body, bare: true})
			held := o.refused() || c.leaves != nil && o.left(c.leaves...) && len(o.frontend) == 0
			fault := strings.Join(b.breaches(o), ", ")
			attacks.expect(held && fault == "", "%s: %.200q: %s: %v", w.name, c.name, fault, o)
		}
		b.control(w)
	}
}
