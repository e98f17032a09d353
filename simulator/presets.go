package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// elsewhere is where presets redirect to. Nothing listens there; a client that arrives has lost already.
const elsewhere = "http://127.0.0.1:9/elsewhere"

// Preset returns a well-known fault by its name, to be changed and given to AddFault. PresetNames lists them; the
// package comment says what each one does.
func Preset(name string) (Fault, error) {
	f, ok := presets()[name]
	if !ok {
		return Fault{}, fmt.Errorf("there is no preset %q; GET /_simulator/presets lists them", name)
	}
	f.Name = name
	if f.Side == "" {
		f.Side = SideAPI
		if strings.HasPrefix(name, "token-") {
			f.Match = Match{Side: SideAccounts, Method: http.MethodPost, Path: "/api/token", Grant: f.Grant}
		}
	}
	return f, nil
}

// PresetNames returns the names in alphabetical order.
func PresetNames() []string { return slices.Sorted(maps.Keys(presets())) }

func presets() map[string]Fault {
	all := tokenPresets()
	maps.Copy(all, tokenAnswerPresets())
	maps.Copy(all, apiPresets())
	maps.Copy(all, apiErrorPresets())
	return all
}

// tokenPresets keep the token endpoint from answering well.
func tokenPresets() map[string]Fault {
	return map[string]Fault{
		"token-500":                plain(500, "Internal Server Error"),
		"token-502":                plain(502, "upstream connect error or disconnect/reset before headers"),
		"token-503":                with(plain(503, "Service Unavailable"), "Retry-After", "5"),
		"token-429":                with(plain(429, "Too many requests"), "Retry-After", "2"),
		"token-html":               page(200, "<!doctype html><title>Sign in</title><p>Please sign in to this network."),
		"token-empty":              {Status: 200},
		"token-cut-json":           object(200, `{"access_token":"BQ`),
		"token-truncated":          {Action: ActionTruncate},
		"token-error-200":          object(200, `{"error":"server_error","error_description":"Something went wrong"}`),
		"token-huge":               {Status: 200, Body: `{"access_token":"BQhuge","token_type":"Bearer",` + "\n", Size: 64 << 20},
		"token-hang":               {Action: ActionHang},
		"token-reset":              {Action: ActionReset},
		"token-reset-after":        {Action: ActionReset, Execute: true},
		"token-redirect":           with(plain(307, ""), "Location", elsewhere),
		"token-slow":               {Delay: 2 * time.Second},
		"token-slow-after":         {Linger: 2 * time.Second},
		"token-refresh-revoked":    refusal(grantRefresh, "invalid_grant", "Refresh token revoked"),
		"token-refresh-expired":    refusal(grantRefresh, "invalid_grant", "Refresh token expired"),
		"token-refresh-invalid":    refusal(grantRefresh, "invalid_grant", "Invalid refresh token"),
		"token-code-expired":       refusal(grantCode, "invalid_grant", "Authorization code expired"),
		"token-code-redirect":      refusal(grantCode, "invalid_grant", "Invalid redirect URI"),
		"token-code-verifier":      refusal(grantCode, "invalid_grant", "code_verifier was incorrect"),
		"token-invalid-client":     refusal("", "invalid_client", "Invalid client"),
		"token-invalid-secret":     refusal("", "invalid_client", "Invalid client secret"),
		"token-invalid-request":    refusal("", "invalid_request", ""),
		"token-unknown-error":      refusal("", "temporarily_unavailable", ""),
		"token-invalid-client-401": with401(refusal("", "invalid_client", "Invalid client")),
	}
}

// tokenAnswerPresets change a true answer of the token endpoint.
func tokenAnswerPresets() map[string]Fault {
	merge := func(field string, value any) Fault { return Fault{Merge: map[string]any{field: value}} }
	return map[string]Fault{
		"token-expires-missing":  merge("expires_in", nil),
		"token-expires-zero":     merge("expires_in", 0),
		"token-expires-negative": merge("expires_in", -3600),
		"token-expires-absurd":   merge("expires_in", int64(1)<<53),
		"token-expires-text":     merge("expires_in", "3600"),
		"token-type-lower":       merge("token_type", "bearer"),
		"token-type-mac":         merge("token_type", "mac"),
		"token-scope-narrower":   merge("scope", "user-read-private"),
		"token-scope-missing":    merge("scope", nil),
		"token-access-empty":     merge("access_token", ""),
	}
}

// apiPresets keep the Web API from answering, or make it answer oddly.
func apiPresets() map[string]Fault {
	hostile := http.Header{
		"Set-Cookie":                       {"stagedoor=stolen; Path=/", "__Host-Http-stagedoor=stolen; Path=/; Secure; HttpOnly"},
		"Access-Control-Allow-Origin":      {"https://attacker.example"},
		"Access-Control-Allow-Credentials": {"true"},
		"Strict-Transport-Security":        {"max-age=0"},
		"Alt-Svc":                          {`h3="attacker.example:443"`},
		"Clear-Site-Data":                  {`"*"`},
		"Link":                             {"<https://attacker.example/x.js>; rel=preload; as=script"},
		"Refresh":                          {"0; url=https://attacker.example/"},
		"Service-Worker-Allowed":           {"/"},
		"Content-Security-Policy":          {"default-src *"},
		"Server":                           {"hostile"},
		"Via":                              {"1.1 attacker.example"},
		"Stagedoor-Reason":                 {"LOGIN_REQUIRED"},
	}
	return map[string]Fault{
		"api-slow":         {Delay: 2 * time.Second},
		"api-hang":         {Action: ActionHang},
		"api-reset":        {Action: ActionReset},
		"api-reset-after":  {Action: ActionReset, Execute: true},
		"api-truncated":    {Action: ActionTruncate},
		"api-redirect":     with(plain(302, ""), "Location", elsewhere),
		"api-redirect-307": with(plain(307, ""), "Location", elsewhere),
		"api-opaque":       carriedOut(object(200, opaqueText)),
		"api-204":          {Execute: true, Status: 204},
		"api-202":          {Execute: true, Status: 202},
		"api-hostile":      {Header: hostile, Early: []http.Header{hostile}, Trailer: hostile},
	}
}

// apiErrorPresets are the refusals of the Web API that its users report.
func apiErrorPresets() map[string]Fault {
	expired := refused(401, "The access token expired")
	expired = with(expired, "WWW-Authenticate", challenge("The access token expired"))
	spurious := refused(401, "Access token missing")
	spurious.Match = Match{Side: SideAPI, Path: "/v1/me/player"}
	return map[string]Fault{
		"api-expired":        expired,
		"api-spurious-401":   spurious,
		"api-bare-401":       {Status: 401},
		"api-scope":          refused(403, messageScope),
		"api-not-registered": plain(403, messageUnregistered),
		"api-owner-premium":  plain(403, "Active premium subscription required for the owner of the app."),
		"api-404":            refused(404, "Resource not found"),
		"api-429":            with(refused(429, messageRate), "Retry-After", "2"),
		"api-429-day":        with(refused(429, messageRate), "Retry-After", "86400"),
		"api-429-bare":       refused(429, messageRate),
		"api-429-quota":      with(object(429, quotaExceeded), "Retry-After", "30"),
		"api-429-text":       with(plain(429, "Too many requests"), "Retry-After", "2"),
		"api-500":            refused(500, "Server error."),
		"api-502":            refused(502, "Bad gateway."),
		"api-503":            with(refused(503, "Service unavailable"), "Retry-After", "3"),
		"api-502-html":       page(502, "<!doctype html><title>502</title><h1>Bad Gateway</h1>"),
		"api-503-text":       plain(503, "upstream connect error or disconnect/reset before headers"),
		"api-500-empty":      {Status: 500},
	}
}

const (
	messageRate   = "API rate limit exceeded"
	quotaExceeded = `{"error":{"status":429,"message":"` + messageRate + `","reason":"QUOTA_EXCEEDED"}}`
)

func plain(status int, body string) Fault {
	return Fault{Status: status, Body: body, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
}

func page(status int, body string) Fault {
	return Fault{Status: status, Body: body, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}}
}

func object(status int, body string) Fault {
	return Fault{Status: status, Body: body, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
}

func refused(status int, message string) Fault {
	return object(status, string(errorReply(status, message).body))
}

func refusal(grant, code, description string) Fault {
	f := object(400, string(jsonReply(400, oauthError{Code: code, Description: description}).body))
	f.Grant = grant
	return f
}

func carriedOut(f Fault) Fault {
	f.Execute = true
	return f
}

func with401(f Fault) Fault {
	f.Status = http.StatusUnauthorized
	return f
}

func with(f Fault, name, value string) Fault {
	f.Header.Set(name, value)
	return f
}
