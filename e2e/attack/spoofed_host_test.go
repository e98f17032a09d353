package attack

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// spoofs say that the gateway is somewhere else.
func spoofs() [][]field {
	all := [][]field{{}} // a forged Host alone
	for _, value := range []string{"forged.example", "forged.example:443", "a, forged.example"} {
		all = append(all,
			[]field{{"X-Forwarded-Host", value}, {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Port", "443"}},
			[]field{{"Forwarded", "host=" + strings.TrimPrefix(value, "a, ") + ";proto=https;for=127.0.0.1"}})
	}
	for _, name := range []string{
		"X-Host", "X-Original-Host", "X-Forwarded-Server", "X-HTTP-Host-Override", "X-Forwarded-Prefix", "X-Original-URL",
		"X-Rewrite-URL",
	} {
		all = append(all, []field{{name, "//forged.example/"}})
	}
	return all
}

// TestAttackSpoofedHost says in every way that the gateway is somewhere else: neither a redirect, a link, a cookie nor the
// cross-origin rule follows.
func TestAttackSpoofedHost(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "forged hosts")
	for _, w := range b.ways {
		for i, host := range []string{
			"", "forged.example", "forged.example:443", "gateway.example.forged.example", "api.spotify.com",
		} {
			for j, spoof := range spoofs() {
				if (i+j)%3 == 0 && w.takes((i+j)/3) {
					b.trySpoof(attacks, w, host, spoof)
				}
			}
		}
		b.control(w)
	}
}

func (b *boundary) trySpoof(attacks *attacks, w way, host string, spoof []field) {
	held := func(held bool, what string, o aftermath) {
		b.t.Helper()
		attacks.expect(held && len(b.breaches(o)) == 0, "%s: Host %q, %q: %s: %v", w.name, host, spoof, what, o)
	}
	mentions := func(o aftermath) bool {
		return slices.ContainsFunc(o.answers, func(a stage.Answer) bool {
			return strings.Contains(a.Body+strings.Join(headerLines(a.Header), "\n"), "forged")
		})
	}
	o := b.send(w, request{method: http.MethodGet, target: "/api/me", host: host, header: spoof})
	href := `"href":"` + w.origin + "/api/users/ada"
	held(o.left(http.MethodGet, "/v1/me") && !mentions(o) && strings.Contains(o.answers[0].Body, href), "links", o)

	foreign := append([]field{{"Origin", "https://" + stage.Or(host, "forged.example")}}, spoof...)
	o = b.send(w, request{method: http.MethodPost, target: "/api/me/player/next", host: host, header: foreign})
	held(o.refused() && o.status() == http.StatusForbidden, "the cross-origin rule", o)
	if w.http2 { // whose headers are not read here
		return
	}
	o = b.send(w, request{method: http.MethodGet, target: "/auth/login?return_to=/page", host: host, header: spoof})
	location, err := url.Parse(stage.Or(o.answers[0].Header.Get("Location"), "none"))
	consent := b.Accounts.URL + "/authorize"
	held(err == nil && o.status() == http.StatusFound && strings.HasPrefix(location.String(), consent+"?") &&
		location.Query().Get("redirect_uri") == w.origin+"/auth/callback", "the login's redirect", o)
	cookies := (&http.Response{Header: o.answers[0].Header}).Cookies()
	held(len(cookies) == 1 && cookies[0].Domain == "" && cookies[0].Path == "/" && cookies[0].HttpOnly &&
		cookies[0].Secure == (w.roots != nil) &&
		strings.HasPrefix(cookies[0].Name, "__Host-") == cookies[0].Secure, "the login's cookie", o)
	for _, target := range []string{"/auth/session", "/auth/sessions", "/auth/nothing", "/api/../me"} {
		o = b.send(w, request{method: http.MethodGet, target: target, host: host, header: spoof})
		held(!mentions(o) && len(o.spotify) == 0, target, o)
	}
}
