package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestBrowserTokenIsOff checks that the endpoint is not there unless it is asked for.
func TestBrowserTokenIsOff(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: "scopes: [streaming]"})
	v := w.Visitor()
	v.Login("ada")
	v.Do(http.MethodPost, "/auth/token", "").Expect(t, "POST /auth/token", http.StatusNotFound, "PATH_REFUSED")
}

// TestBrowserToken checks which requests get a token, what the answer has of it, and what the log says.
func TestBrowserToken(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Session: "browser_tokens: true", Log: "debug"})
	v := w.Visitor()
	v.Do(http.MethodPost, "/auth/token", "").Expect(t, "without a session it", http.StatusUnauthorized, "LOGIN_REQUIRED")
	v.Login("ada")
	a := v.Do(http.MethodPost, "/auth/token", "", "Referer", w.Balancer.URL+"/player")
	a.Expect(t, "without streaming", http.StatusForbidden, "INSUFFICIENT_SCOPE",
		`"missing_scopes":["streaming"]`, "return_to=%2Fplayer", "scope=streaming")
	if a := v.Get("/auth/login?scope=streaming"); a.Status != http.StatusOK {
		t.Fatalf("the step up ended with %d %s", a.Status, a.Body)
	}
	for name, headers := range map[string][]string{
		"another site":      {"Origin", "https://evil.example"},
		"a sibling":         {"Origin", strings.Replace(w.Balancer.URL, "127.0.0.1", "127.0.0.2", 1)},
		"a sandboxed frame": {"Origin", "null"},
	} {
		v.Do(http.MethodPost, "/auth/token", "", headers...).Expect(t, name, http.StatusForbidden, "CROSS_ORIGIN_REFUSED")
	}
	if a := v.Get("/auth/token"); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET answered %d %s", a.Status, a.Body)
	}

	a = v.Do(http.MethodPost, "/auth/token", "")
	var got stage.HandedOut
	a.Expect(t, "with streaming", http.StatusOK, "")
	if a.Decode(t, &got); got.ExpiresIn < 3000 || got.ExpiresIn > 3600 || !strings.Contains(got.Scope, "streaming") {
		t.Errorf("it answered %+v", got)
	}
	if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(a.Body, "refresh") {
		t.Errorf("Cache-Control is %q, the body %s", a.Header.Get("Cache-Control"), a.Body)
	}
	v.Get("/api/me")
	if tokens := w.Bearers(); got.AccessToken == "" || tokens[len(tokens)-1] != got.AccessToken {
		t.Error("what was handed out is not the session's token")
	}
	audits := w.Replicas[0].Logged(func(l stage.LogLine) bool { return l.Msg == "audit" && l.Event == "token" })
	if len(audits) != 1 || audits[0].User != "ada" || audits[0].Session == "" || audits[0].Result != "ok" {
		t.Errorf("the audit lines are %+v, want one that names ada", audits)
	}
	if strings.Contains(w.Replicas[0].Log(), got.AccessToken) {
		t.Error("the log holds the token")
	}
}

// TestGrantRevokedSoonAfterARefresh is a user who takes the app's rights back while no other refresh is allowed: the answers say
// what helps, and a dead token is not handed out, also not by a replica that saw no call rejected.
func TestGrantRevokedSoonAfterARefresh(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Session: "browser_tokens: true", Spotify: "scopes: [streaming]", Replicas: 2})
	v := w.Visitor()
	v.Login("ada")
	w.Spotify.ExpireAccessTokens()
	v.ExpectMe("ada") // by a refresh
	for i := range w.Replicas {
		v.At(i, http.MethodPost, "/auth/token").Expect(t, "before", http.StatusOK, "", "access_token")
	}
	if _, err := w.Spotify.RevokeUser("ada"); err != nil {
		t.Fatal(err)
	}
	v.At(0, http.MethodGet, "/api/me").Expect(t, "a call", http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED", `"login_url":"/auth/login"`)
	for i := range w.Replicas {
		v.At(i, http.MethodPost, "/auth/token").Expect(t, fmt.Sprint("the token at replica ", i), http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED", `"login_url":"/auth/login"`)
	}
	if calls := w.Spotify.Counts().TokenCalls["refresh_token"]; calls != 1 {
		t.Errorf("the token was refreshed %d times within half a minute, want once", calls)
	}
	if !v.Status().Authenticated {
		t.Error("a 401 of the Web API ended the session")
	}
}

// TestBrowserTokenLivesFiveMinutes begins with a token that has two minutes left.
func TestBrowserTokenLivesFiveMinutes(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Session: "browser_tokens: true", Spotify: "scopes: [streaming]"})
	short := simulator.Fault{
		Name: "short", Match: simulator.Match{Grant: "authorization_code"}, Merge: map[string]any{"expires_in": 120},
	}
	if _, err := w.Spotify.AddFault(short); err != nil {
		t.Fatal(err)
	}
	v := w.Visitor()
	v.Login("ada")
	v.ExpectMe("ada") // two minutes are enough for a call
	if calls := w.Spotify.Counts().TokenCalls["refresh_token"]; calls != 0 {
		t.Fatalf("a call of the API cost %d refreshes", calls)
	}
	var got stage.HandedOut
	a := v.Do(http.MethodPost, "/auth/token", "")
	if a.Decode(t, &got); a.Status != http.StatusOK || got.ExpiresIn < 300 {
		t.Errorf("it answered %d %s", a.Status, a.Body)
	}
	if calls := w.Spotify.Counts().TokenCalls["refresh_token"]; calls != 1 {
		t.Errorf("the token was refreshed %d times, want once", calls)
	}
}
