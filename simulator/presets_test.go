package simulator_test

import (
	"net/url"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// answers are what the presets that answer at once must look like. The rest have tests of their own.
var answers = map[string]struct {
	status       int
	body, header string // a part of the body; "Name: value"
}{
	"token-500":                {500, "Internal Server Error", "Content-Type: text/plain; charset=utf-8"},
	"token-502":                {502, "upstream connect error", ""},
	"token-503":                {503, "Service Unavailable", "Retry-After: 5"},
	"token-429":                {429, "Too many", "Retry-After: 2"},
	"token-html":               {200, "<!doctype html>", "Content-Type: text/html; charset=utf-8"},
	"token-empty":              {200, "", "Content-Length: 0"},
	"token-cut-json":           {200, `{"access_token":"BQ`, ""},
	"token-error-200":          {200, `"error":"server_error"`, ""},
	"token-redirect":           {307, "", "Location: http://127.0.0.1:9/elsewhere"},
	"token-refresh-revoked":    {400, `{"error":"invalid_grant","error_description":"Refresh token revoked"}`, ""},
	"token-refresh-expired":    {400, `{"error":"invalid_grant","error_description":"Refresh token expired"}`, ""},
	"token-refresh-invalid":    {400, `{"error":"invalid_grant","error_description":"Invalid refresh token"}`, ""},
	"token-invalid-client":     {400, `{"error":"invalid_client","error_description":"Invalid client"}`, ""},
	"token-invalid-client-401": {401, `"error":"invalid_client"`, ""},
	"token-invalid-secret":     {400, `"Invalid client secret"`, ""},
	"token-invalid-request":    {400, `{"error":"invalid_request"}`, ""},
	"token-unknown-error":      {400, `{"error":"temporarily_unavailable"}`, ""},
	"token-expires-zero":       {200, `"expires_in":0,`, ""},
	"token-expires-negative":   {200, `"expires_in":-3600,`, ""},
	"token-expires-absurd":     {200, `"expires_in":9007199254740992,`, ""},
	"token-expires-text":       {200, `"expires_in":"3600",`, ""},
	"token-type-lower":         {200, `"token_type":"bearer"`, ""},
	"token-type-mac":           {200, `"token_type":"mac"`, ""},
	"token-scope-narrower":     {200, `"scope":"user-read-private"`, ""},
	"token-access-empty":       {200, `"access_token":"",`, ""},
	"api-expired": {
		401, "The access token expired",
		`WWW-Authenticate: Bearer realm="spotify", error="invalid_token", error_description="The access token expired"`,
	},
	"api-spurious-401":   {401, "Access token missing", "WWW-Authenticate: "},
	"api-bare-401":       {401, "", ""},
	"api-scope":          {403, "Insufficient client scope", ""},
	"api-not-registered": {403, "User not registered", "Content-Type: text/plain; charset=utf-8"},
	"api-owner-premium":  {403, "Active premium subscription required", ""},
	"api-404":            {404, "Resource not found", ""},
	"api-429":            {429, "rate limit", "Retry-After: 2"},
	"api-429-day":        {429, "rate limit", "Retry-After: 86400"},
	"api-429-bare":       {429, "rate limit", "Retry-After: "},
	"api-429-quota":      {429, `"reason":"QUOTA_EXCEEDED"`, "Retry-After: 30"},
	"api-429-text":       {429, "Too many requests", "Content-Type: text/plain; charset=utf-8"},
	"api-500":            {500, `"status":500`, ""},
	"api-502":            {502, `"status":502`, ""},
	"api-503":            {503, `"status":503`, "Retry-After: 3"},
	"api-502-html":       {502, "<h1>Bad Gateway</h1>", "Content-Type: text/html; charset=utf-8"},
	"api-503-text":       {503, "upstream connect error", ""},
	"api-500-empty":      {500, "", "Content-Length: 0"},
	"api-opaque":         {200, "MDAw", "Content-Type: application/json; charset=utf-8"},
	"api-204":            {204, "", ""},
	"api-202":            {202, "", ""},
	"api-redirect":       {302, "", "Location: http://127.0.0.1:9/elsewhere"},
	"api-redirect-307":   {307, "", "Location: http://127.0.0.1:9/elsewhere"},
}

func TestPresetsThatAnswer(t *testing.T) {
	s := newStage(t, nil)
	for name, want := range answers {
		t.Run(name, func(t *testing.T) {
			s.Reset()
			tokens := s.grant("ada")
			s.plant(name, func(f *simulator.Fault) { f.Times = 1 })
			call := func() reply {
				if strings.HasPrefix(name, "token-") {
					return s.refresh(*tokens.RefreshToken)
				}
				return s.api(tokens.AccessToken, "GET", "/me/player", "")
			}
			a := call()
			if a.StatusCode != want.status || !strings.Contains(a.body, want.body) || want.body == "" && a.body != "" {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if header, value, _ := strings.Cut(want.header, ": "); a.Header.Get(header) != value {
				t.Errorf("%s is %q, want %q", header, a.Header.Get(header), value)
			}
			if seen := s.Seen(simulator.Filter{}); len(seen) != 1 || seen[0].Fault != name || seen[0].Status != want.status {
				t.Errorf("the log says %+v", seen)
			}
			if a := call(); a.StatusCode != 200 {
				t.Errorf("the second call: %d", a.StatusCode)
			}
		})
	}
}

func TestEveryPresetIsTested(t *testing.T) {
	elsewhere := map[string]bool{
		"token-truncated": true, "token-huge": true, "token-hang": true, "token-reset": true, "token-reset-after": true,
		"token-slow": true, "token-slow-after": true, "token-expires-missing": true, "token-scope-missing": true,
		"token-code-expired": true, "token-code-redirect": true, "token-code-verifier": true,
		"api-slow": true, "api-hang": true, "api-reset": true, "api-reset-after": true, "api-truncated": true, "api-hostile": true,
	}
	for _, name := range simulator.PresetNames() {
		if _, ok := answers[name]; !ok && !elsewhere[name] {
			t.Errorf("%s has no test", name)
		}
	}
	if _, err := simulator.Preset("unheard-of"); err == nil {
		t.Error("an unknown preset was found")
	}
}

func TestMergeRemovesFields(t *testing.T) {
	s := newStage(t, nil)
	token := *s.grant("ada").RefreshToken
	for name, field := range map[string]string{"token-expires-missing": "expires_in", "token-scope-missing": "scope"} {
		id := s.plant(name, nil)
		if got := s.refresh(token).fields(t); got["access_token"] == nil || got[field] != nil {
			t.Errorf("%s: %v", name, got)
		}
		s.ClearFault(id)
	}
}

func TestCodePresetsLeaveRefreshesAlone(t *testing.T) {
	s := newStage(t, nil)
	refresh := *s.grant("ada").RefreshToken
	for name, want := range map[string]string{
		"token-code-expired": "Authorization code expired", "token-code-redirect": "Invalid redirect URI",
		"token-code-verifier": "code_verifier was incorrect",
	} {
		s.plant(name, func(f *simulator.Fault) { f.Times = 1 })
		if a := s.refresh(refresh); a.StatusCode != 200 {
			t.Errorf("%s: a refresh got %d", name, a.StatusCode)
		}
		form := url.Values{"grant_type": {"authorization_code"}, "code": {s.code(asking())}, "redirect_uri": {callback}}
		if a := s.token(form); a.fields(t)["error_description"] != want {
			t.Errorf("%s: %s", name, a.body)
		}
		if a := s.token(form); a.StatusCode != 200 {
			t.Errorf("%s spent the code: %s", name, a.body)
		}
	}
}
