package policy

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// FuzzForwardedNames reads the name of a header as a frontend with CGI's variables does (RFC 3875 section 4.1.18).
func FuzzForwardedNames(f *testing.F) {
	for _, name := range []string{
		"X-Forwarded-For", "X_Forwarded_For", "X-Forwarded_Host", "x-forwarded-proto", "X-Real-Ip", "X-Real_IP", "X-Request-Id", "X_request-id",
		"X-Stagedoor-User", "X_Stagedoor_User", "X-Stagedoor", "X-Forwarded", "Forwarded", "Accept", "X--Forwarded-For", "HTTP_X_FORWARDED_FOR",
	} {
		f.Add(name, true)
		f.Add(name, false)
	}
	f.Fuzz(func(t *testing.T, name string, trusted bool) {
		if !IsToken(name) {
			return // net/http lets no such name in
		}
		name = http.CanonicalHeaderKey(name)
		variable := strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		proxies := strings.HasPrefix(variable, "X_FORWARDED_") || variable == "X_REAL_IP" || variable == "X_REQUEST_ID"
		want := strings.HasPrefix(variable, "X_STAGEDOOR_") || proxies && (!trusted || strings.Contains(name, "_"))
		if got := ForgesForwarded(name, trusted); got != want {
			t.Errorf("%q, trusted %t: %t, want %t", name, trusted, got, want)
		}
	})
}

// FuzzRepeats wants net/http to find no permission to send a request twice, and the frontend to get every value.
func FuzzRepeats(f *testing.F) {
	f.Add("Idempotency-Key", "a", "websocket")
	f.Add("X-Idempotency-Key", "a\nb", "h2c")
	f.Add("idempotency-key", "", "h2c, websocket")
	f.Add("Accept", "*/*", "")
	f.Fuzz(func(t *testing.T, name, text, upgrade string) {
		header := http.Header{http.CanonicalHeaderKey(name): linesOf(text), "Upgrade": {upgrade}, "Connection": {"Upgrade"}}
		before := values(header)
		ForbidRepeats(header)
		if header["Idempotency-Key"] != nil || header["X-Idempotency-Key"] != nil || !slices.Equal(before, values(header)) {
			t.Errorf("%q: %q became %v", name, text, header)
		}
		OnlyWebSockets(header)
		if left := header.Get("Upgrade"); left != "" && !strings.EqualFold(left, "websocket") {
			t.Errorf("the frontend is asked for %q", left)
		}
	})
}

func values(header http.Header) []string {
	var all []string
	for lines := range maps.Values(header) {
		all = append(all, lines...)
	}
	slices.Sort(all)
	return all
}
