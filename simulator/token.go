package simulator

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// formType is the one content type of the token endpoint.
const formType = "application/x-www-form-urlencoded"

// The grant types of the token endpoint, each with the parameters that it may have.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"
)

var grantParameters = map[string][]string{
	grantCode:    {"grant_type", "code", "redirect_uri", "client_id", "code_verifier"},
	grantRefresh: {"grant_type", "refresh_token", "client_id"},
	grantClient:  {"grant_type"},
}

// The values of Counts.Refresh.
const (
	outcomeKept      = "kept"
	outcomeRotated   = "rotated"
	outcomeEmptied   = "emptied"
	outcomeRevoked   = "revoked"
	outcomeExpired   = "expired"
	outcomeInvalid   = "invalid"
	outcomeRefused   = "refused"
	outcomeUntouched = "untouched"
)

// Tokens is a good answer of the token endpoint.
type Tokens struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	// RefreshToken is nil when the answer has none.
	RefreshToken *string `json:"refresh_token,omitempty"`
	// Scope is what was granted, nil for a client's own token.
	Scope *string `json:"scope,omitempty"`
}

// token is POST /api/token.
func (s *Server) token(w http.ResponseWriter, r *request) {
	if r.Method != http.MethodPost {
		a := jsonReply(http.StatusMethodNotAllowed, invalidRequest("The token endpoint takes POST"))
		a.header.Set("Allow", http.MethodPost)
		a.write(w, r.Request)
		return
	}
	tokens, err := s.redeem(r)
	var a *reply
	var refused *oauthError
	if errors.As(err, &refused) {
		a = jsonReply(max(refused.status, http.StatusBadRequest), refused)
		if refused.status == http.StatusUnauthorized {
			a.header.Set("WWW-Authenticate", `Basic realm="spotify"`)
		}
		r.outcome = refused.outcome
		if r.outcome == "" {
			r.outcome = outcomeRefused
		}
	} else {
		a = jsonReply(http.StatusOK, tokens)
	}
	a.header.Set("Cache-Control", "no-store")
	a.write(w, r.Request)
}

// redeem carries a token call out.
func (s *Server) redeem(r *request) (*Tokens, error) {
	form, err := tokenForm(r)
	if err != nil {
		return nil, err
	}
	client, err := s.authenticate(r.Header, form)
	if err != nil {
		return nil, err
	}
	allowed, known := grantParameters[form.Get("grant_type")]
	switch {
	case form.Get("grant_type") == "":
		return nil, &oauthError{Code: "unsupported_grant_type", Description: "grant_type parameter is missing"}
	case !known:
		return nil, &oauthError{
			Code:        "unsupported_grant_type",
			Description: "grant_type must be client_credentials, authorization_code or refresh_token",
		}
	}
	for name := range form {
		if !slices.Contains(allowed, name) {
			return nil, invalidRequest("This grant has no parameter " + name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch form.Get("grant_type") {
	case grantCode:
		return s.redeemCodeLocked(client, form)
	case grantRefresh:
		return s.redeemRefreshLocked(r, client, form.Get("refresh_token"))
	default:
		return s.redeemClientLocked(client)
	}
}

// tokenForm reads the form strictly: one content type, nothing in the query, no parameter twice.
func tokenForm(r *request) (url.Values, error) {
	if !isForm(r.Header) {
		return nil, &oauthError{
			Code: "invalid_request", Description: "Send " + formType, status: http.StatusUnsupportedMediaType,
		}
	}
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("Parameters belong into the body, not into the query")
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil || !utf8.Valid(r.body) {
		return nil, invalidRequest("The form cannot be read")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, invalidRequest("There is more than one parameter " + name)
		}
	}
	return form, nil
}

// isForm tells whether the body is a form in UTF-8.
func isForm(h http.Header) bool {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := params["charset"]
	return err == nil && kind == formType && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

func (s *Server) redeemCodeLocked(client Client, form url.Values) (*Tokens, error) {
	if form.Get("code") == "" {
		return nil, invalidRequest("code must be supplied")
	}
	if form.Get("redirect_uri") == "" {
		return nil, invalidRequest("redirect_uri must be supplied")
	}
	c, known := s.accounts.codes[form.Get("code")]
	if !known || c.grant.client != client.ID {
		return nil, invalidGrant("Invalid authorization code")
	}
	if c.spent { // somebody has a copy (RFC 6749 section 4.1.2)
		c.grant.revoked = true
		return nil, invalidGrant("Invalid authorization code")
	}
	c.spent = true // also by a redemption that fails: Spotify's clients must begin again
	now := s.nowLocked()
	switch {
	case c.grant.revoked:
		return nil, invalidGrant("Invalid authorization code")
	case now.Sub(c.issuedAt) >= codeLifetime:
		return nil, invalidGrant("Authorization code expired")
	case form.Get("redirect_uri") != c.redirectURI:
		return nil, invalidGrant("Invalid redirect URI")
	case c.challenge == "" && form.Has("code_verifier"):
		return nil, invalidRequest("code_verifier has no code_challenge to answer")
	case c.challenge != "" && !form.Has("code_verifier"):
		return nil, invalidRequest("code_verifier must be supplied")
	case c.challenge != "" && !answersChallenge(form.Get("code_verifier"), c.challenge):
		return nil, invalidGrant("code_verifier was incorrect")
	}
	refresh := s.accounts.newRefresh(c.grant)
	return s.issueLocked(client.ID, c.grant, &refresh, now), nil
}

func (s *Server) redeemRefreshLocked(r *request, client Client, value string) (*Tokens, error) {
	if value == "" {
		return nil, invalidRequest("refresh_token must be supplied")
	}
	refuse := func(outcome, description string) (*Tokens, error) {
		return nil, &oauthError{Code: "invalid_grant", Description: description, outcome: outcome}
	}
	t, known := s.accounts.refresh[value]
	if !known || t.grant.client != client.ID {
		return refuse(outcomeInvalid, "Invalid refresh token")
	}
	if t.spent { // reuse: somebody has a copy, so the whole family dies (RFC 9700 section 4.14.2)
		t.grant.revoked = true
	}
	now := s.nowLocked()
	switch {
	case t.grant.revoked:
		return refuse(outcomeRevoked, "Refresh token revoked")
	case now.Sub(t.grant.authorizedAt) >= grantLifetime:
		return refuse(outcomeExpired, "Refresh token expired")
	}
	switch s.mode {
	case RefreshRotate:
		t.spent, r.outcome = true, outcomeRotated
		next := s.accounts.newRefresh(t.grant)
		return s.issueLocked(client.ID, t.grant, &next, now), nil
	case RefreshEmpty:
		r.outcome = outcomeEmptied
		return s.issueLocked(client.ID, t.grant, new(string), now), nil
	default:
		r.outcome = outcomeKept
		return s.issueLocked(client.ID, t.grant, nil, now), nil
	}
}

func (s *Server) redeemClientLocked(client Client) (*Tokens, error) {
	if client.public() {
		return nil, &oauthError{Code: "unauthorized_client", Description: "A public client has no credentials of its own"}
	}
	return s.issueLocked(client.ID, nil, nil, s.nowLocked()), nil
}

// issueLocked makes an access token and the answer around it.
func (s *Server) issueLocked(client string, g *grant, refresh *string, now time.Time) *Tokens {
	tokens := &Tokens{
		AccessToken:  s.accounts.newAccess(client, g, now.Add(s.options.TokenLifetime)),
		TokenType:    "Bearer",
		ExpiresIn:    int(s.options.TokenLifetime / time.Second),
		RefreshToken: refresh,
	}
	if g != nil {
		scope := joinScopes(g.scopes)
		tokens.Scope = &scope
	}
	return tokens
}
