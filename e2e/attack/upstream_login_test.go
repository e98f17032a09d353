package attack

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// duringLogin are the two calls that a login makes.
var duringLogin = []string{"/api/token", "/v1/me"}

// badAnswersToLogins are answers after which no login may succeed.
func badAnswersToLogins(elsewhere string) []brokenAnswer {
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	endless := func(begin, again string) mischief {
		return func(c *net.TCPConn, _ *http.Request) {
			if _, err := c.Write([]byte(begin)); err == nil {
				endlessly(c, again, 0)
			}
		}
	}
	to := func(status, location string) mischief {
		return says("HTTP/1.1 " + status + " x\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n")
	}
	page := `<script>fetch("https://hostile.example")</script>`
	return append(brokenAnswers(), []brokenAnswer{
		{"301 elsewhere", to("301", elsewhere+"/api/token"), refused},
		{"302 elsewhere", to("302", elsewhere+"/v1/me"), refused},
		{"307 elsewhere", to("307", elsewhere+"/api/token"), refused},
		{"308 elsewhere", to("308", "//"+strings.TrimPrefix(elsewhere, "http://")), refused},
		{"a page", says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n" + page), refused},
		{"a page as an error", says("HTTP/1.1 403 x\r\nConnection: close\r\n\r\n" + page), refused},
		{"markup as OAuth's error", says("HTTP/1.1 400 x\r\nConnection: close\r\n\r\n" + `{"error":"` + strings.ReplaceAll(page, `"`, `'`) + `"}`), refused},
		{"markup as the Web API's error", says("HTTP/1.1 403 x\r\nConnection: close\r\n\r\n" +
			`{"error":{"status":403,"message":"not registered <script>hostile"}}`), refused},
		{"every header", says(ok + strings.Join(hostileLines, "\r\n") + "\r\nContent-Length: 2\r\n\r\n{}"), refused},
		{"a header without end", endless("HTTP/1.1 200 OK\r\nX: ", "hostile"), refused},
		{"1xx without end", endless("", "HTTP/1.1 103 x\r\nSet-Cookie: a=hostile\r\n\r\n"), refused},
		{"a body without end", endless(ok+"\r\n"+`{"access_token":"`, "hostile"), refused},
		{"a list without end", endless(ok+"\r\n", "["), refused},
		{"a body that drips", drip(ok + "\r\n{"), refused},
	}...)
}

// TestAttackUpstreamLogin has the token endpoint and GET /me answer a login with everything but an answer. The browser gets
// a page of the gateway's and no session, the secrets stay, and afterwards a login works.
func TestAttackUpstreamLogin(t *testing.T) {
	t.Parallel()
	var h *hostile
	w := stage.NewWorld(t, stage.Options{Log: "debug", Spotify: "token_timeout: 3s", Prepare: func(w *stage.World) {
		h = newHostile(t, w.Accounts.URL)
		w.APIURL, w.TokenURL = h.url+"/v1", h.url+"/api/token"
	}})
	elsewhere := newHostile(t, w.Accounts.URL)
	count := newAttacks(t, "answers of a hostile Spotify to a login")
	v := w.Visitor()
	for _, b := range stage.Tenths(badAnswersToLogins(elsewhere.url)) {
		for _, path := range duringLogin {
			h.on(path, b.do)
			got := tryLogin(v, "ada")
			h.off(path)
			found := overheard("the header", got.Header, fromUpstream, fromGateway, []string{"Stagedoor-Reason", "Referrer-Policy", "Retry-After"})
			if strings.Contains(got.Body, "hostile") || strings.Contains(got.Body, "<script") {
				found = append(found, "Spotify's words are on the page")
			}
			count.expect(got.Status >= 400 && got.Reason() != "" && got.Reason() != "INTERNAL_ERROR" && len(found) == 0 &&
				!v.Status().Authenticated && elsewhere.connected() == 0,
				"%s from %s: %d %s, %v, %d connections elsewhere", b.name, path, got.Status, got.Reason(), found, elsewhere.connected())
		}
	}
	v.Login("ada")
	unharmed(v, h)
}
