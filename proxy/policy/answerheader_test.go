package policy

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forTheOrigin are headers that speak for a whole origin to a browser, or to a cache or a proxy on the way, said in another way
// than answerheader.go does.
var forTheOrigin = regexp.MustCompile(`(?i)^(set-cookie|strict-transport-security|alt-svc|clear-site-data|link|refresh|nel|report-to|` +
	`reporting-endpoints|content-security-policy(-report-only)?|access-control-.*|x-accel-.*|.*-cache-control|surrogate-control|x-sendfile|` +
	`(x-)?stagedoor-.*|x-request-id)$`)

// FuzzAnswerHeader lets Spotify say a header in an answer, beside it or after it.
func FuzzAnswerHeader(f *testing.F) {
	for _, name := range []string{
		"Set-Cookie", "set-cookie", "Set-Cookie ", "X-ACCel- ", "Link", "Access-Control-Allow-Origin", "X-Accel-Redirect", "Cdn-Cache-Control", "Stagedoor-Reason",
		"Cache-Control", "Location", "Etag", "Www-Authenticate", "Transfer-Encoding", "Connection", "Vary", "X-Request-Id",
	} {
		f.Add(name, "a")
	}
	for _, challenge := range []string{`Bearer realm="x"`, "Basic", `Bearer a="b",basic realm=x`, "NTLM\tx", "Digest", "x Negotiate", "bearer,,BASIC"} {
		f.Add("Www-Authenticate", challenge)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		name = http.CanonicalHeaderKey(name)
		final, aside := http.Header{name: {value}}, http.Header{name: {value}}
		CleanFinal(final)
		CleanAside(aside)
		DropHopByHop(aside)
		for _, h := range []http.Header{final, aside} {
			for left := range maps.Keys(h) {
				if forTheOrigin.MatchString(left) {
					t.Errorf("%q: %q came through as %q", name, value, left)
				}
			}
			for _, line := range h["Www-Authenticate"] {
				words := strings.FieldsFunc(strings.ToLower(line), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
				if slices.ContainsFunc(words, func(word string) bool { return slices.Contains(browserSchemes, word) }) {
					t.Errorf("the challenge %q came through", line)
				}
			}
		}
		for left := range maps.Keys(aside) {
			if !IsToken(left) || slices.Contains(hopByHop, left) || left == "Location" || left == "Cache-Control" {
				t.Errorf("%q came through aside of an answer", left)
			}
		}
	})
}
