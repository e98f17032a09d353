package simulator_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stagedoor/simulator"
)

func TestTokenEndpointIsStrict(t *testing.T) {
	s := newStage(t, nil)
	const form = "application/x-www-form-urlencoded"
	const own = "grant_type=client_credentials"
	good := basic("gateway", "s3cret")
	for name, c := range map[string]struct {
		method, path, kind, auth, body string
		status                         int
		want                           string
	}{
		"GET":               {"GET", "/api/token", "", good, "", 405, "invalid_request"},
		"JSON":              {"POST", "/api/token", "application/json", good, `{}`, 415, "invalid_request"},
		"no type":           {"POST", "/api/token", "", good, own, 415, "invalid_request"},
		"other charset":     {"POST", "/api/token", form + "; charset=latin1", good, own, 415, "invalid_request"},
		"query":             {"POST", "/api/token?x=1", form, good, own, 400, "invalid_request"},
		"doubled":           {"POST", "/api/token", form, good, own + "&" + own, 400, "invalid_request"},
		"unreadable":        {"POST", "/api/token", form, good, "grant_type=%zz", 400, "invalid_request"},
		"not UTF-8":         {"POST", "/api/token", form, good, "grant_type=\xff", 400, "invalid_request"},
		"unknown parameter": {"POST", "/api/token", form, good, own + "&scope=x", 400, "invalid_request"},
		"no grant type":     {"POST", "/api/token", form, good, "", 400, "unsupported_grant_type"},
		"password grant":    {"POST", "/api/token", form, good, "grant_type=password", 400, "unsupported_grant_type"},
		"no client":         {"POST", "/api/token", form, "", own, 401, "invalid_client"},
		"wrong secret":      {"POST", "/api/token", form, basic("gateway", "guess"), own, 400, "invalid_client"},
		"unknown client":    {"POST", "/api/token", form, basic("other", "s3cret"), own, 400, "invalid_client"},
		"bearer":            {"POST", "/api/token", form, "Bearer x", own, 400, "invalid_client"},
		"bad base64":        {"POST", "/api/token", form, strings.TrimRight(good, "="), own, 400, "invalid_client"},
		"secret in the body": {
			"POST", "/api/token", form, "", own + "&client_id=gateway&client_secret=s3cret", 400, "invalid_client",
		},
		"id without secret": {
			"POST", "/api/token", form, "", "grant_type=refresh_token&client_id=gateway&refresh_token=x", 401, "invalid_client",
		},
		"public with Basic": {
			"POST", "/api/token", form, basic("page", ""), "grant_type=refresh_token&refresh_token=x", 401, "invalid_client",
		},
		"two clients": {
			"POST", "/api/token", form, good, "grant_type=refresh_token&client_id=page&refresh_token=x", 400, "invalid_client",
		},
		"public, its own":  {"POST", "/api/token", form, "", own + "&client_id=page", 400, "invalid_request"},
		"no refresh token": {"POST", "/api/token", form, good, "grant_type=refresh_token", 400, "invalid_request"},
		"empty refresh token": {
			"POST", "/api/token", form, good, "grant_type=refresh_token&refresh_token=", 400, "invalid_request",
		},
		"wrong refresh token": {
			"POST", "/api/token", form, good, "grant_type=refresh_token&refresh_token=x", 400, "invalid_grant",
		},
		"no code": {
			"POST", "/api/token", form, good, "grant_type=authorization_code&redirect_uri=x", 400, "invalid_request",
		},
		"no redirect URI": {
			"POST", "/api/token", form, good, "grant_type=authorization_code&code=x", 400, "invalid_request",
		},
		"wrong code": {
			"POST", "/api/token", form, good, "grant_type=authorization_code&code=x&redirect_uri=x", 400, "invalid_grant",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request(c.method, c.path, c.body)
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
			if c.auth != "" {
				r.Header.Set("Authorization", c.auth)
			}
			a := s.do(r)
			if a.StatusCode != c.status || a.fields(t)["error"] != c.want {
				t.Errorf("%d %s, want %d %s", a.StatusCode, a.body, c.status, c.want)
			}
			if a.Header.Get("Set-Cookie") != "" {
				t.Error("it sets a cookie")
			}
		})
	}
	r := s.request("POST", "/api/token", own, "Content-Type", form, "Authorization", good, "Authorization", good)
	if a := s.do(r); a.StatusCode != 400 {
		t.Errorf("two Authorization headers: %d", a.StatusCode)
	}
}

func TestCodeGrant(t *testing.T) {
	s := newStage(t, nil)
	form := url.Values{"grant_type": {"authorization_code"}, "code": {s.code(asking())}, "redirect_uri": {callback}}
	first := s.token(form)
	var tokens simulator.Tokens
	first.json(t, &tokens)
	if first.StatusCode != 200 || tokens.TokenType != "Bearer" || tokens.ExpiresIn != 3600 || *tokens.RefreshToken == "" ||
		*tokens.Scope != "user-read-email user-top-read" || first.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", first.StatusCode, first.body)
	}
	if a := s.api(tokens.AccessToken, "GET", "/me", ""); a.fields(t)["email"] != "ada@example.com" {
		t.Errorf("/me: %s", a.body)
	}
	if a := s.token(form); a.StatusCode != 400 || a.fields(t)["error_description"] != "Invalid authorization code" {
		t.Errorf("the code again: %d %s", a.StatusCode, a.body)
	}
	if a := s.api(tokens.AccessToken, "GET", "/me", ""); a.StatusCode != 401 {
		t.Errorf("after the reuse of its code the token answers %d", a.StatusCode)
	}
	if a := s.refresh(*tokens.RefreshToken); a.fields(t)["error_description"] != "Refresh token revoked" {
		t.Errorf("after the reuse of its code the refresh token gets %s", a.body)
	}
}

func TestCodeIsBoundToItsRequest(t *testing.T) {
	withChallenge := []string{"code_challenge", challengeOf(verifier), "code_challenge_method", "S256"}
	for name, c := range map[string]struct {
		ask  []string
		form url.Values
		want string
	}{
		"other redirect URI": {nil, url.Values{"redirect_uri": {"http://127.0.0.1:8080/other"}}, "Invalid redirect URI"},
		"wrong verifier": {
			withChallenge, url.Values{"code_verifier": {verifier + "x"}}, "code_verifier was incorrect",
		},
		"short verifier": {withChallenge, url.Values{"code_verifier": {"short"}}, "code_verifier was incorrect"},
		"no verifier":    {withChallenge, nil, "code_verifier must be supplied"},
		"needless verifier": {
			nil, url.Values{"code_verifier": {verifier}}, "code_verifier has no code_challenge to answer",
		},
	} {
		s := newStage(t, nil)
		form := url.Values{"grant_type": {"authorization_code"}, "code": {s.code(asking(c.ask...))}, "redirect_uri": {callback}}
		maps.Copy(form, c.form)
		if a := s.token(form); a.StatusCode != 400 || a.fields(t)["error_description"] != c.want {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		form.Set("redirect_uri", callback)
		form.Set("code_verifier", verifier)
		if a := s.token(form); a.StatusCode != 400 {
			t.Errorf("%s: the code outlived a failed redemption: %s", name, a.body)
		}
	}
}

func TestPKCE(t *testing.T) {
	for name, c := range map[string]struct {
		client, uri string
		form        url.Values
	}{
		"public":       {"page", "http://127.0.0.1:7777/cb?x=1", url.Values{"client_id": {"page"}}},
		"confidential": {"gateway", callback, nil},
	} {
		s := newStage(t, nil)
		u := location(t, s.deciding("ada", "agree", asking("client_id", c.client, "redirect_uri", c.uri,
			"code_challenge", challengeOf(verifier), "code_challenge_method", "S256")))
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")},
			"redirect_uri": {c.uri}, "code_verifier": {verifier},
		}
		maps.Copy(form, c.form)
		var tokens simulator.Tokens
		s.token(form).json(t, &tokens)
		again := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {*tokens.RefreshToken}}
		maps.Copy(again, c.form)
		if a := s.token(again); a.StatusCode != 200 {
			t.Errorf("%s: refresh %d %s", name, a.StatusCode, a.body)
		}
		again["client_id"] = []string{"page"}
		if name == "confidential" {
			if a := s.token(again); a.fields(t)["error_description"] != "Invalid refresh token" {
				t.Errorf("another client refreshed: %s", a.body)
			}
		}
	}
}

func TestRefreshModes(t *testing.T) {
	s := newStage(t, nil)
	old := *s.grant("ada").RefreshToken
	refreshed := func(token string) simulator.Tokens {
		t.Helper()
		a := s.refresh(token)
		if a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		var tokens simulator.Tokens
		a.json(t, &tokens)
		return tokens
	}
	if got := refreshed(old); got.RefreshToken != nil || *got.Scope != strings.Join(allScopes, " ") {
		t.Errorf("keep: %+v", got)
	}
	if err := s.SetRefreshMode(simulator.RefreshEmpty); err != nil {
		t.Fatal(err)
	}
	if got := refreshed(old); got.RefreshToken == nil || *got.RefreshToken != "" {
		t.Errorf("empty: %+v", got)
	}
	if err := s.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	next := refreshed(old)
	if next.RefreshToken == nil || *next.RefreshToken == old || *next.RefreshToken == "" {
		t.Fatalf("rotate: %+v", next)
	}
	last := refreshed(*next.RefreshToken)
	if a := s.refresh(old); a.StatusCode != 400 || a.fields(t)["error_description"] != "Refresh token revoked" {
		t.Errorf("a spent token: %d %s", a.StatusCode, a.body)
	}
	if a := s.refresh(*last.RefreshToken); a.fields(t)["error_description"] != "Refresh token revoked" {
		t.Errorf("the family survived a reuse: %s", a.body)
	}
	if a := s.api(last.AccessToken, "GET", "/me", ""); a.StatusCode != 401 {
		t.Errorf("the family's access token survived a reuse: %d", a.StatusCode)
	}
	want := map[string]int{"kept": 1, "emptied": 1, "rotated": 2, "revoked": 2}
	if got := s.Counts(); !maps.Equal(got.Refresh, want) || got.TokenCalls["refresh_token"] != 6 {
		t.Errorf("counts are %+v, want %v", got, want)
	}
	if got := s.Counts().RefreshTokens["ada/refresh/1"]; got != 4 {
		t.Errorf("the first refresh token was counted %d times", got)
	}
	if err := s.SetRefreshMode("sometimes"); err == nil {
		t.Error("an unknown mode was taken")
	}
}

func TestGrantEndsAfterSixMonths(t *testing.T) {
	s := newStage(t, nil)
	token := *s.grant("ada").RefreshToken
	s.clock.advance(180*24*time.Hour - time.Second)
	if a := s.refresh(token); a.StatusCode != 200 {
		t.Fatalf("a second before: %d", a.StatusCode)
	}
	if err := s.Advance(time.Second); err != nil {
		t.Fatal(err)
	}
	if a := s.refresh(token); a.StatusCode != 400 || a.fields(t)["error_description"] != "Refresh token expired" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if err := s.Advance(-time.Second); err == nil {
		t.Error("the clock went back")
	}
}

func TestClientCredentials(t *testing.T) {
	s := newStage(t, nil)
	a := s.token(url.Values{"grant_type": {"client_credentials"}})
	var tokens simulator.Tokens
	a.json(t, &tokens)
	if a.StatusCode != 200 || tokens.RefreshToken != nil || tokens.Scope != nil {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for path, want := range map[string]int{
		"/search?q=ferry&type=track,artist": 200, "/users/ada": 200, "/me": 401, "/me/player": 401, "/me/playlists": 401,
	} {
		if a := s.api(tokens.AccessToken, "GET", path, ""); a.StatusCode != want {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestRevokeAndExpire(t *testing.T) {
	s := newStage(t, nil)
	ada, ben := s.grant("ada"), s.grant("ben")
	if n := s.ExpireAccessTokens(); n != 2 {
		t.Errorf("expired %d tokens", n)
	}
	a := s.api(ada.AccessToken, "GET", "/me", "")
	want := `Bearer realm="spotify", error="invalid_token", error_description="The access token expired"`
	if a.StatusCode != 401 || !strings.Contains(a.body, "The access token expired") ||
		a.Header.Get("WWW-Authenticate") != want {
		t.Errorf("%d %s %v", a.StatusCode, a.body, a.Header)
	}
	if n, err := s.RevokeUser("ada"); n != 1 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if a := s.refresh(*ada.RefreshToken); a.StatusCode != http.StatusBadRequest {
		t.Errorf("ada refreshed: %d", a.StatusCode)
	}
	if a := s.refresh(*ben.RefreshToken); a.StatusCode != 200 {
		t.Errorf("ben did not: %d", a.StatusCode)
	}
	if _, err := s.RevokeUser("nobody"); err == nil {
		t.Error("nobody was revoked")
	}
}

func TestTokensExpireByTheClock(t *testing.T) {
	s := newStage(t, func(o *simulator.Options) { o.TokenLifetime = 10 * time.Second })
	tokens := s.grant("ada")
	if tokens.ExpiresIn != 10 {
		t.Errorf("expires_in is %d", tokens.ExpiresIn)
	}
	s.clock.advance(10*time.Second - 1)
	if a := s.api(tokens.AccessToken, "GET", "/me", ""); a.StatusCode != 200 {
		t.Errorf("just before: %d", a.StatusCode)
	}
	s.clock.advance(1)
	if a := s.api(tokens.AccessToken, "GET", "/me", ""); a.StatusCode != 401 {
		t.Errorf("at the end: %d", a.StatusCode)
	}
}
