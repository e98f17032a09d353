package attack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// ownWords are what not even the app's frontend may say: they are the gateway's own.
var ownWords = []string{
	"Stagedoor-Reason: hostile", "stagedoor-reason: hostile", "X-Stagedoor-User: hostile", "X-Request-Id: hostile",
	"Set-Cookie: stagedoor=hostile", "Set-Cookie: stagedoor=hostile; Path=/auth", "Set-Cookie: stagedoor-login=hostile; Max-Age=0",
	"Set-Cookie: STAGEDOOR=hostile", "Set-Cookie:\tstagedoor=hostile", "Set-Cookie: stagedoor =hostile", "Set-Cookie: \tstagedoor\t= hostile",
	"Set-Cookie: =stagedoor=hostile", "Set-Cookie: ==stagedoor=hostile", "Set-Cookie: = stagedoor=hostile", "Set-Cookie: stagedoor",
	"Set-Cookie: stagedoor; hostile", "Set-Cookie: =stagedoor-login=hostile; Path=/",
	"Set-Cookie: stagedoor-login-0123456789abcdef=hostile; Path=/auth", "Set-Cookie: Stagedoor-Login-=hostile", "Set-Cookie: =stagedoor-login-0=hostile", "set-cookie: stagedoor=hostile",
	"Set-Cookie:\r\n stagedoor=hostile",
}

// TestAttackUpstreamFrontend has the frontend try what it may not: it is an ordinary upstream, but for the gateway's own
// words and cookies. What is no answer becomes none.
func TestAttackUpstreamFrontend(t *testing.T) {
	t.Parallel()
	h := newHostile(t, "")
	h.on("/", says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	w := stage.NewWorld(t, stage.Options{Log: "debug", Routes: fmt.Sprintf("\n  - %s\n  - {path: /, upstream: %q}\n", stage.UserRoute, h.url)})
	v := w.Visitor()
	v.Login("ada")
	count := newAttacks(t, "answers of a hostile frontend")
	for _, p := range places() {
		for _, line := range ownWords {
			h.on("/attack", says(p.say(line+"\r\nSet-Cookie: theme=dark")))
			got := hear(v, http.MethodGet, "/attack")
			clean := !strings.Contains(got.text, "hostile") && !strings.Contains(strings.ToLower(got.text), "cookie: stagedoor")
			own := len(got.Header["X-Request-Id"]) == 1 && got.Reason() == ""
			count.expect(got.broken == nil && p.seen(got) && clean && own, "%q in %s: %v in %q", line, p.name, got.broken, got.text)
		}
	}
	for _, b := range brokenAnswers() {
		if strings.HasPrefix(b.name, "gzip") { // passes as it came, whatever it is
			continue
		}
		h.on("/attack", b.do)
		got := hear(v, http.MethodGet, "/attack")
		count.expect(got.came() == b.want && !strings.Contains(got.text, "smuggled"), "%s became %s, and not %s", b.name, got.came(), b.want)
	}
	for _, f := range floods() {
		if f.want == nil || strings.Contains(f.name, "gzip") {
			continue
		}
		h.on("/attack", f.do)
		got := hear(v, http.MethodGet, "/attack")
		count.expect(f.want(got), "%s became %s", f.name, got.came())
	}
	if len(h.shown()) > 0 {
		t.Error("the frontend was shown a token")
	}
	unharmed(v, h)
}
