package e2e

import (
	"net/http"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// badRequest is one that no endpoint should serve, and what it gets.
type badRequest struct {
	name, method, path string
	status             int
	reason             string
	headers            []string
}

// badRequests go through the endpoints one by one.
func badRequests() []badRequest {
	const bad, no, wrong, foreign = "INVALID_REQUEST", "PATH_REFUSED", "METHOD_REFUSED", "CROSS_ORIGIN_REFUSED"
	get, post := http.MethodGet, http.MethodPost
	evil := []string{"Origin", "https://evil.example"}
	return []badRequest{
		{"a scope that is a quote", get, "/auth/login?scope=%20%22", 400, bad, nil},
		{"a scope that injects", get, "/auth/login?scope=streaming%26redirect_uri%3Dhttps://evil.example", 400, bad, nil},
		{"a scope with a newline", get, "/auth/login?scope=streaming%0d%0aX:y", 400, bad, nil},
		{"a scope with markup", get, "/auth/login?scope=%3Cscript%3E", 400, bad, nil},
		{"a scope that is not UTF-8", get, "/auth/login?scope=%ff%fe", 400, bad, nil},
		{"a very long scope", get, "/auth/login?scope=" + strings.Repeat("x", 20000), 400, bad, nil},
		{"doubled scope", get, "/auth/login?scope=streaming&scope=streaming", 400, bad, nil},
		{"doubled return_to", get, "/auth/login?return_to=/a&return_to=/b", 400, bad, nil},
		{"doubled show_dialog", get, "/auth/login?show_dialog=true&show_dialog=false", 400, bad, nil},
		{"login by fetch", get, "/auth/login", 400, bad, []string{"Sec-Fetch-Mode", "cors"}},
		{"login by POST", post, "/auth/login", 405, wrong, nil},

		{"callback without anything", get, "/auth/callback", 400, bad, nil},
		{"callback with a made-up state", get, "/auth/callback?code=x&state=" + stage.AState, 400, bad, nil},
		{"callback with a strange state", get, "/auth/callback?code=x&state=%00%22%27", 400, bad, nil},
		{"callback without a state", get, "/auth/callback?code=x", 400, bad, nil},
		{"callback with two codes", get, "/auth/callback?code=x&code=y&state=" + stage.AState, 400, bad, nil},
		{"callback with two states", get, "/auth/callback?code=x&state=a&state=b", 400, bad, nil},
		{"callback with an error and no state", get, "/auth/callback?error=access_denied", 400, bad, nil},
		{"callback of another issuer", get, "/auth/callback?code=x&state=a&iss=https://evil.example", 400, bad, nil},
		{"callback by POST", post, "/auth/callback?code=x&state=a", 405, wrong, nil},

		{"logout by GET", get, "/auth/logout", 405, wrong, nil},
		{"logout by another site", post, "/auth/logout", 403, foreign, evil},
		{"doubled everywhere", post, "/auth/logout?everywhere=true&everywhere=true", 400, bad, nil},
		{"session by POST", post, "/auth/session", 405, wrong, nil},
		{"session for another site", get, "/auth/session", 403, foreign, evil},
		{"sessions for another site", get, "/auth/sessions", 403, foreign, evil},
		{"sessions by POST", post, "/auth/sessions", 405, wrong, nil},
		{"GET of a handle", get, "/auth/sessions/0123456789abcdef", 405, wrong, nil},
		{"a handle that nobody has", http.MethodDelete, "/auth/sessions/0123456789abcdef", 404, no, nil},
		{"a handle that is a pattern", http.MethodDelete, "/auth/sessions/*", 404, no, nil},
		{"a handle by another site", http.MethodDelete, "/auth/sessions/x", 403, foreign, evil},
		{"a token where there is none", post, "/auth/token", 404, no, nil},
		{"a fragment where there is none", post, "/auth/fragment", 404, no, nil},
		{"verify by POST", post, "/auth/verify", 405, wrong, nil},
		{"connect without a ticket", get, "/auth/connect", 400, bad, nil},
		{"connect with a made-up ticket", get, "/auth/connect?ticket=" + stage.AState, 400, bad, nil},
		{"connect with two tickets", get, "/auth/connect?ticket=a&ticket=b", 400, bad, nil},
		{"no endpoint", get, "/auth/nothing", 404, no, nil},
		{"climbing out of /auth", get, "/auth/%2e%2e/api/me", 404, no, nil},

		{"a call for another site", get, "/api/me", 403, foreign, evil},
		{"a climbing call", get, "/api/%2e%2e/me", 404, no, nil},
		{"an encoded slash", get, "/api/me%2fplayer", 404, no, nil},
		{"a method that the route does not take", http.MethodPatch, "/api/me", 405, wrong, nil},
		{"an account's other path", get, "/radio/me", 404, no, nil},
		{"an account that is not connected", get, stage.NowPlaying, 401, "REAUTHORIZATION_REQUIRED", nil},
		{"an account without its key", get, "/box/me/player", 401, "LOGIN_REQUIRED", nil},
		{"an account with a wrong key", get, "/box/me/player", 401, "LOGIN_REQUIRED", []string{"Authorization", "Bearer x"}},
	}
}

// TestBadInput sends bad input, as a user who is logged in, and checks that each gets a clear answer, that no
// error of the gateway's own is among them, and that nothing is lost.
func TestBadInput(t *testing.T) {
	t.Parallel()
	keys := t.TempDir() + "/keys"
	stage.WriteFile(t, keys, "the-key-of-a-caller")
	w := stage.NewWorld(t, stage.Options{
		Accounts: stage.Radio + "\nbox: {api_keys_file: " + keys + "}",
		Routes: stage.Pages{}.Route(t, stage.UserRoute, stage.RadioRoute,
			"{path: /box/, upstream: spotify, credentials: account:box, methods: [GET], allow: [me/player]}"),
	})
	v, other := w.Visitor(), w.Visitor()
	v.Login("ada")
	other.Login("ada")
	before := len(w.Keys("*"))
	w.Spotify.ForgetSeen()
	for _, c := range badRequests() {
		a := v.Do(c.method, c.path, "", c.headers...)
		if a.Status != c.status || a.Reason() != c.reason {
			t.Errorf("%s: answered %d %s %.300s, want %d %s", c.name, a.Status, a.Reason(), a.Body, c.status, c.reason)
		}
		if strings.Contains(a.Body, "<script>") || strings.Contains(a.Body, "%!") || len(a.Body) > 5000 {
			t.Errorf("%s: the answer is %.300s", c.name, a.Body)
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: the headers are %v", c.name, a.Header)
		}
	}
	if counts := w.Spotify.Counts(); counts.API != 0 || counts.Authorize != 0 || len(counts.TokenCalls) != 0 {
		t.Errorf("Spotify has heard of it: %+v", counts)
	}
	if after := w.Keys("*"); len(after) != before {
		t.Errorf("Redis had %d keys and has %v", before, after)
	}
	v.ExpectMe("ada")
	if _, _, others := v.Sessions(); len(others) != 1 {
		t.Errorf("the other session is %v", others)
	}
	for _, line := range w.Replicas[0].Logged(func(l stage.LogLine) bool { return l.Level == "error" || l.Status >= 500 }) {
		t.Errorf("the log says %+v", line)
	}
}
