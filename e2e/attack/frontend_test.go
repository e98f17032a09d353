package attack

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// theGatewaysOwn are what the gateway alone tells a frontend: who calls, and who that is. CGI and its heirs take an
// underscore for a dash, so that the other spellings would be believed as well.
var theGatewaysOwn = []string{
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
	"X-Forwarded-User", "X-Real-Ip", "Forwarded", "X-Stagedoor-User", "X-Stagedoor-Session", "X-Request-Id",
	"X_Forwarded_For", "X-Forwarded_For", "X_Forwarded-For", "x_forwarded_host", "X_FORWARDED_PROTO",
	"X_Forwarded_User", "X_Real_IP", "X-Real_Ip", "X_Stagedoor_User", "X-Stagedoor_User", "X_Stagedoor-User",
	"X_Request_Id", "X-Request_Id",
}

// TestAttackFrontendHeaders forges what the gateway tells the frontend, which would believe it. Nor does the frontend ever
// learn a cookie of the gateway's or a token, or switch to another protocol than WebSockets: what follows a switch is not
// looked at.
func TestAttackFrontendHeaders(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "headers to the frontend")
	for _, w := range b.ways {
		for i, name := range theGatewaysOwn {
			if !w.takes(i) {
				continue
			}
			for _, lines := range [][]field{
				{{name, "forged"}}, {{name, "forged"}, {name, "forged"}}, {{strings.ToUpper(name), "forged"}},
				{{name, strings.Repeat("forged ", 1000)}},
			} {
				b.forgeFrontend(attacks, w, lines...)
			}
			if w.http2 {
				continue
			}
			for _, named := range []string{
				name, "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Request-Id", "close, Cookie", "Upgrade, " + name,
			} {
				b.forgeFrontend(attacks, w, field{name, "forged"}, field{"Connection", named})
			}
		}
		b.hideCookies(attacks, w)
		b.control(w)
	}
	for i, protocol := range []string{
		"h2c", "H2C", " h2c ", "h2c, websocket", "websocket, h2c", "websocket/13", "HTTP/2.0", "TLS/1.2", "forged",
	} {
		o := b.send(b.ways[i%2], request{method: http.MethodGet, target: "/page", header: []field{
			{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", protocol}, {"HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"},
		}})
		held := o.refused()
		if len(o.frontend) == 1 {
			held = o.frontend[0].header.Get("Upgrade") == "" && o.frontend[0].header.Get("Connection") == ""
		}
		attacks.expect(held, "Upgrade: %s: %v", protocol, o)
	}
}

// forgeFrontend wants the page, and no trace of what is forged.
func (b *boundary) forgeFrontend(attacks *attacks, w way, lines ...field) {
	o := b.send(w, request{method: http.MethodGet, target: "/page", header: lines})
	held := len(o.frontend) == 1 && o.status() == http.StatusOK && len(b.breaches(o)) == 0
	var seen []string
	if held {
		h := o.frontend[0].header
		scheme, host, _ := strings.Cut(w.origin, "://")
		seen = headerLines(h)
		held = !strings.Contains(strings.Join(seen, "\n"), "forged") && len(h["X-Request-Id"]) == 1 &&
			slices.Equal(h["X-Forwarded-For"], []string{"127.0.0.1"}) &&
			slices.Equal(h["X-Forwarded-Proto"], []string{scheme}) &&
			slices.Equal(h["X-Forwarded-Host"], []string{host})
	}
	attacks.expect(held, "%s: %.200q: %v; the frontend saw %.500q", w.name, lines, o, seen)
}

// hideCookies sends the session's cookie among others, spelled so that it might be overlooked. The others arrive.
func (b *boundary) hideCookies(attacks *attacks, w way) {
	name, id, _ := strings.Cut(w.cookie, "=")
	for _, lines := range [][]field{
		{{"Cookie", "a=1; " + w.cookie + "; z=2"}},
		{{"Cookie", w.cookie + ";a=1"}, {"Cookie", "z=2"}},
		{{"Cookie", "a=1"}, {"cookie", w.cookie}, {"COOKIE", "z=2"}},
		{{"Cookie", "a=\"1; " + w.cookie + "; z=\"2"}},
		{{"Cookie", ";; a=1;;" + w.cookie + ";;z=2;"}},
		{{"Cookie", "a=1;\t" + w.cookie + "\t; z=2"}},
		{{"Cookie", "a=1; " + name + " = " + id + "; z=2"}},
		{{"Cookie", "a=1; " + name + "=\"" + id + "\"; z=2"}},
		{{"Cookie", "a=1; " + strings.ToUpper(name) + "=" + id + "; z=2"}},
		{{"Cookie", "a=1; " + w.cookie + "; " + w.cookie + "; z=2"}},
		{{"Cookie", "a=1; " + w.cookie + "; z=2"}, {"Connection-X", "Cookie"}},
	} {
		o := b.send(w, request{method: http.MethodGet, target: "/page", header: lines})
		held := len(o.frontend) == 1 && len(b.breaches(o)) == 0
		if held {
			cookies := strings.Join(o.frontend[0].header["Cookie"], ";")
			held = strings.Contains(cookies, "a=") && strings.Contains(cookies, "z=")
		}
		attacks.expect(held, "%s: %q: %v", w.name, lines, o)
	}
}
