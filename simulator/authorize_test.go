package simulator_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"stagedoor/simulator"
)

// asking are the parameters of a good request for consent, changed by name and value in turn; "-" removes one.
func asking(changes ...string) url.Values {
	params := url.Values{
		"client_id": {"gateway"}, "response_type": {"code"}, "redirect_uri": {callback}, "state": {"st&te"},
		"scope": {"user-read-email user-top-read"},
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			params.Del(changes[i])
		} else {
			params.Set(changes[i], changes[i+1])
		}
	}
	return params
}

// deciding is asking, as the consent page's form sends it.
func (s *stage) deciding(user, decision string, params url.Values) reply {
	s.t.Helper()
	params.Set("user", user)
	params.Set("decision", decision)
	return s.do(s.request("POST", "/authorize", params.Encode(), "Content-Type", "application/x-www-form-urlencoded"))
}

// location is where an answer redirects to.
func location(t *testing.T, a reply) *url.URL {
	t.Helper()
	u, err := a.Location()
	if err != nil {
		t.Fatalf("%d without a Location: %s", a.StatusCode, a.body)
	}
	return u
}

func (s *stage) code(params url.Values) string {
	s.t.Helper()
	return location(s.t, s.deciding("ada", "agree", params)).Query().Get("code")
}

func TestWrongClientNeverRedirects(t *testing.T) {
	s := newStage(t, nil)
	for name, params := range map[string]string{
		"no client":           asking("client_id", "-").Encode(),
		"unknown client":      asking("client_id", "other").Encode(),
		"no redirect URI":     asking("redirect_uri", "-").Encode(),
		"other path":          asking("redirect_uri", callback+"/x").Encode(),
		"other port":          asking("redirect_uri", "http://127.0.0.1:8081/auth/callback").Encode(),
		"other case":          asking("redirect_uri", "http://127.0.0.1:8080/Auth/callback").Encode(),
		"localhost":           asking("redirect_uri", "http://localhost:8080/auth/callback").Encode(),
		"doubled client":      asking().Encode() + "&client_id=gateway",
		"doubled state":       asking().Encode() + "&state=x",
		"unreadable":          asking().Encode() + "&x=%zz",
		"two ports":           asking("client_id", "page", "redirect_uri", "http://127.0.0.1:80:81/cb?x=1").Encode(),
		"port and user":       asking("client_id", "page", "redirect_uri", "http://127.0.0.1:80@evil.example/cb?x=1").Encode(),
		"no digits":           asking("client_id", "page", "redirect_uri", "http://127.0.0.1:/cb?x=1").Encode(),
		"a port in https":     asking("client_id", "page", "redirect_uri", "https://app.example:444/cb").Encode(),
		"a longer host":       asking("client_id", "page", "redirect_uri", "http://127.0.0.1.evil.example/cb?x=1").Encode(),
		"another app's URI":   asking("client_id", "page").Encode(),
		"long port":           asking("client_id", "page", "redirect_uri", "http://127.0.0.1:800000/cb?x=1").Encode(),
		"parameter left away": asking("client_id", "page", "redirect_uri", "http://127.0.0.1:80/cb").Encode(),
	} {
		a := s.do(s.request("GET", "/authorize?"+params, ""))
		if a.StatusCode != 400 || a.Header.Get("Location") != "" || !strings.Contains(a.body, "<!doctype html>") {
			t.Errorf("%s: %d, Location %q", name, a.StatusCode, a.Header.Get("Location"))
		}
	}
}

func TestOtherFaultsGoBackToTheApp(t *testing.T) {
	s := newStage(t, nil)
	good := challengeOf(verifier)
	for name, c := range map[string]struct {
		params url.Values
		want   string
	}{
		"unknown scope":      {asking("scope", "user-read-email user-read-everything"), "invalid_scope"},
		"two blanks":         {asking("scope", "user-read-email  user-top-read"), "invalid_scope"},
		"comma":              {asking("scope", "user-read-email,user-top-read"), "invalid_scope"},
		"implicit":           {asking("response_type", "token"), "unsupported_response_type"},
		"no response type":   {asking("response_type", "-"), "unsupported_response_type"},
		"no state":           {asking("state", "-"), "invalid_request"},
		"show_dialog":        {asking("show_dialog", "1"), "invalid_request"},
		"plain challenge":    {asking("code_challenge", verifier, "code_challenge_method", "plain"), "invalid_request"},
		"no method":          {asking("code_challenge", good), "invalid_request"},
		"method alone":       {asking("code_challenge_method", "S256"), "invalid_request"},
		"short challenge":    {asking("code_challenge", good[:42], "code_challenge_method", "S256"), "invalid_request"},
		"padded challenge":   {asking("code_challenge", good+"=", "code_challenge_method", "S256"), "invalid_request"},
		"public without one": {asking("client_id", "page", "redirect_uri", "http://127.0.0.1:999/cb?x=1"), "invalid_request"},
	} {
		got := location(t, s.do(s.request("GET", "/authorize?"+c.params.Encode(), "")))
		if !strings.HasPrefix(got.String(), c.params.Get("redirect_uri")) || got.Query().Get("error") != c.want {
			t.Errorf("%s: redirected to %s, want the error %s", name, got, c.want)
		}
		if got.Query().Get("state") != c.params.Get("state") {
			t.Errorf("%s: the state came back as %q", name, got.Query().Get("state"))
		}
	}
}

func TestConsentPageCanBeSentAsItIs(t *testing.T) {
	s := newStage(t, nil)
	a := s.do(s.request("GET", "/authorize?"+asking("show_dialog", "true").Encode(), ""))
	if a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for _, want := range []string{
		"The Gateway", "not Spotify", "Ada Marlow", "Chloé", "See your e-mail address", "Agree", "Cancel",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "form-action 'self' http://127.0.0.1:8080") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("the policy is %q", policy)
	}
	form := url.Values{"user": {"chloe"}, "decision": {"agree"}}
	hidden := regexp.MustCompile(`type="hidden" name="([^"]*)" value="([^"]*)"`)
	for _, field := range hidden.FindAllStringSubmatch(a.body, -1) {
		form.Set(field[1], strings.ReplaceAll(field[2], "&amp;", "&"))
	}
	r := s.request("POST", "/authorize", form.Encode(), "Content-Type", "application/x-www-form-urlencoded",
		"Origin", s.url, "Sec-Fetch-Site", "same-origin")
	back := s.do(r)
	got := location(t, back)
	if back.StatusCode != 303 || got.Query().Get("code") == "" || got.Query().Get("state") != "st&te" {
		t.Errorf("%d to %s", back.StatusCode, got)
	}
	r = s.request("POST", "/authorize", form.Encode(), "Content-Type", "application/x-www-form-urlencoded",
		"Origin", "https://attacker.example", "Sec-Fetch-Site", "cross-site")
	if a := s.do(r); a.StatusCode != 400 {
		t.Errorf("another site's form: %d", a.StatusCode)
	}
}

func TestPolicyAllowsEveryKindOfRedirectURI(t *testing.T) {
	s := newStage(t, nil)
	for uri, want := range map[string]string{
		"http://[::1]:5000/cb": "form-action 'self' http:", "https://app.example/cb": "form-action 'self' https://app.example",
		"http://127.0.0.1:4000/cb?x=1": "form-action 'self' http://127.0.0.1:4000",
	} {
		params := asking("client_id", "page", "redirect_uri", uri,
			"code_challenge", challengeOf(verifier), "code_challenge_method", "S256")
		a := s.do(s.request("GET", "/authorize?"+params.Encode(), ""))
		if !strings.HasSuffix(a.Header.Get("Content-Security-Policy"), want) {
			t.Errorf("%s: %q", uri, a.Header.Get("Content-Security-Policy"))
		}
		got := location(t, s.deciding("ada", "agree", params))
		if !strings.HasPrefix(got.String(), uri) || got.Query().Get("code") == "" {
			t.Errorf("%s: redirected to %s", uri, got)
		}
	}
}

func TestCancelAndWrongDecisions(t *testing.T) {
	s := newStage(t, nil)
	got := location(t, s.deciding("", "cancel", asking()))
	if got.RawQuery != "error=access_denied&state=st%26te" {
		t.Errorf("cancel: %s", got)
	}
	for _, c := range [][2]string{{"nobody", "agree"}, {"ada", "maybe"}, {"ada", ""}} {
		if a := s.deciding(c[0], c[1], asking()); a.StatusCode != 400 || a.Header.Get("Location") != "" {
			t.Errorf("%v: %d", c, a.StatusCode)
		}
	}
	r := s.request("POST", "/authorize?x=1", asking().Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if a := s.do(r); a.StatusCode != 400 {
		t.Errorf("parameters in both places: %d", a.StatusCode)
	}
	if a := s.do(s.request("PUT", "/authorize", "")); a.StatusCode != 405 {
		t.Errorf("PUT: %d", a.StatusCode)
	}
}

func TestConsentKnob(t *testing.T) {
	s := newStage(t, nil)
	ask := func() *url.URL { return location(t, s.do(s.request("GET", "/authorize?"+asking().Encode(), ""))) }
	if err := s.SetConsent(simulator.Consent{User: "nobody"}); err == nil {
		t.Error("an unknown user can consent")
	}
	if err := s.SetConsent(simulator.Consent{User: "ben", Scopes: []string{"user-top-read"}}); err != nil {
		t.Fatal(err)
	}
	var tokens simulator.Tokens
	form := url.Values{"grant_type": {"authorization_code"}, "code": {ask().Query().Get("code")}, "redirect_uri": {callback}}
	s.token(form).json(t, &tokens)
	if *tokens.Scope != "user-top-read" {
		t.Errorf("granted %q", *tokens.Scope)
	}
	if got := s.api(tokens.AccessToken, "GET", "/me", "").fields(t); got["id"] != "ben" || got["email"] != nil {
		t.Errorf("/me is %v", got)
	}
	if err := s.SetConsent(simulator.Consent{Decision: simulator.DecisionCancel}); err != nil {
		t.Fatal(err)
	}
	if got := ask().Query().Get("error"); got != "access_denied" {
		t.Errorf("the error is %q", got)
	}
	s.ClearConsent()
	if a := s.do(s.request("GET", "/authorize?"+asking().Encode(), "")); a.StatusCode != 200 {
		t.Errorf("after ClearConsent: %d", a.StatusCode)
	}
}

func TestImplicitGrant(t *testing.T) {
	s := newStage(t, func(o *simulator.Options) { o.Implicit = true })
	u := location(t, s.deciding("ada", "agree", asking("response_type", "token")))
	answer, err := url.ParseQuery(u.EscapedFragment())
	if err != nil || u.RawQuery != "" || answer.Get("state") != "st&te" || answer.Get("expires_in") != "3600" {
		t.Fatalf("redirected to %s", u)
	}
	if a := s.api(answer.Get("access_token"), "GET", "/me", ""); a.StatusCode != 200 {
		t.Errorf("the token answers %d", a.StatusCode)
	}
}

func TestCodeEndsAfterTenMinutes(t *testing.T) {
	s := newStage(t, nil)
	code := s.code(asking())
	s.clock.advance(10 * time.Minute)
	a := s.token(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}})
	if a.StatusCode != http.StatusBadRequest || a.fields(t)["error_description"] != "Authorization code expired" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
