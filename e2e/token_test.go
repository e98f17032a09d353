package e2e

import (
	"net/http"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// handedOut is what POST /auth/token answers.
type handedOut struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string
}

// TestBrowserTokenIsOff checks that the endpoint is not there unless it is asked for.
func TestBrowserTokenIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{spotify: "scopes: [streaming]"})
	v := w.visitor()
	v.login("ada")
	v.do(http.MethodPost, "/auth/token", "").expect(t, "POST /auth/token", http.StatusNotFound, "PATH_REFUSED")
}

// TestBrowserToken checks who gets a token, what of it, and what is said about it.
func TestBrowserToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{session: "browser_tokens: true", log: "debug"})
	v := w.visitor()
	v.do(http.MethodPost, "/auth/token", "").expect(t, "without a session it", http.StatusUnauthorized, "LOGIN_REQUIRED")
	v.login("ada")
	a := v.do(http.MethodPost, "/auth/token", "", "Referer", w.balancer.URL+"/player")
	a.expect(t, "without streaming", http.StatusForbidden, "INSUFFICIENT_SCOPE",
		`"missing_scopes":["streaming"]`, "return_to=%2Fplayer", "scope=streaming")
	if a := v.get("/auth/login?scope=streaming"); a.status != http.StatusOK {
		t.Fatalf("the step up ended with %d %s", a.status, a.body)
	}
	for name, headers := range map[string][]string{
		"another site":      {"Origin", "https://evil.example"},
		"a sibling":         {"Origin", strings.Replace(w.balancer.URL, "127.0.0.1", "127.0.0.2", 1)},
		"a sandboxed frame": {"Origin", "null"},
	} {
		v.do(http.MethodPost, "/auth/token", "", headers...).expect(t, name, http.StatusForbidden, "CROSS_ORIGIN_REFUSED")
	}
	if a := v.get("/auth/token"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET answered %d %s", a.status, a.body)
	}

	a = v.do(http.MethodPost, "/auth/token", "")
	var got handedOut
	a.expect(t, "with streaming", http.StatusOK, "")
	if a.decode(t, &got); got.ExpiresIn < 3000 || got.ExpiresIn > 3600 || !strings.Contains(got.Scope, "streaming") {
		t.Errorf("it answered %+v", got)
	}
	if a.header.Get("Cache-Control") != "no-store" || strings.Contains(a.body, "refresh") {
		t.Errorf("Cache-Control is %q, the body %s", a.header.Get("Cache-Control"), a.body)
	}
	v.get("/api/me")
	if tokens := w.bearers(); got.AccessToken == "" || tokens[len(tokens)-1] != got.AccessToken {
		t.Error("what was handed out is not the session's token")
	}
	audits := w.replicas[0].logged(func(l logLine) bool { return l.Msg == "audit" && l.Event == "token" })
	if len(audits) != 1 || audits[0].User != "ada" || audits[0].Session == "" || audits[0].Result != "ok" {
		t.Errorf("the audit lines are %+v, want one that names ada", audits)
	}
	if strings.Contains(w.replicas[0].log(), got.AccessToken) {
		t.Error("the log holds the token")
	}
}

// TestBrowserTokenLivesFiveMinutes begins with a token that has two minutes left.
func TestBrowserTokenLivesFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{session: "browser_tokens: true", spotify: "scopes: [streaming]"})
	short := simulator.Fault{
		Name: "short", Match: simulator.Match{Grant: "authorization_code"}, Merge: map[string]any{"expires_in": 120},
	}
	if _, err := w.spotify.AddFault(short); err != nil {
		t.Fatal(err)
	}
	v := w.visitor()
	v.login("ada")
	v.expectMe("ada") // two minutes are enough for a call
	if calls := w.spotify.Counts().TokenCalls["refresh_token"]; calls != 0 {
		t.Fatalf("a call of the API cost %d refreshes", calls)
	}
	var got handedOut
	a := v.do(http.MethodPost, "/auth/token", "")
	if a.decode(t, &got); a.status != http.StatusOK || got.ExpiresIn < 300 {
		t.Errorf("it answered %d %s", a.status, a.body)
	}
	if calls := w.spotify.Counts().TokenCalls["refresh_token"]; calls != 1 {
		t.Errorf("the token was refreshed %d times, want once", calls)
	}
}
