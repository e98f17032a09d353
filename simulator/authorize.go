package simulator

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authorization is a checked request for consent.
type authorization struct {
	client      Client
	redirectURI string
	implicit    bool
	state       string
	scopes      []string
	challenge   string
}

// ownPages refuses forms that another site sent.
var ownPages = http.NewCrossOriginProtection()

// pageError is a fault that must not come back to the redirect URI, because nothing vouches for it.
type pageError struct{ message string }

func (e *pageError) Error() string { return e.message }

// authorize is GET and POST /authorize.
func (s *Server) authorize(w http.ResponseWriter, r *request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.ask(w, r)
	case http.MethodPost:
		s.decide(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		s.writePage(w, http.StatusMethodNotAllowed, messagePage{
			Title: "That does not work here", Text: "The consent page takes GET and POST.",
		})
	}
}

// ask shows the consent page, or answers at once when the knob Consent says so.
func (s *Server) ask(w http.ResponseWriter, r *request) {
	params, err := strictQuery(r.URL.RawQuery)
	if err != nil {
		s.refuseAuthorization(w, r.Request, authorization{}, err)
		return
	}
	a, err := s.parseAuthorization(params)
	if err != nil {
		s.refuseAuthorization(w, r.Request, a, err)
		return
	}
	s.mu.Lock()
	decision := s.decision
	s.mu.Unlock()
	if decision != nil {
		s.answerAuthorization(w, r.Request, a, *decision)
		return
	}
	s.writeConsent(w, a, params)
}

// strictQuery reads parameters and refuses doubled ones (RFC 6749 section 3.1).
func strictQuery(raw string) (url.Values, error) {
	params, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &pageError{"The parameters cannot be read."}
	}
	for name, values := range params {
		if len(values) > 1 {
			return nil, &pageError{"The parameter " + name + " is there more than once."}
		}
	}
	return params, nil
}

// parseAuthorization checks everything. An error that is no pageError goes back to the redirect URI; the
// authorization then holds what that takes.
func (s *Server) parseAuthorization(params url.Values) (authorization, error) {
	client, known := s.client(params.Get("client_id"))
	if !known {
		return authorization{}, &pageError{"INVALID_CLIENT: Invalid client. No app with this client_id is registered."}
	}
	a := authorization{client: client, redirectURI: params.Get("redirect_uri"), state: params.Get("state")}
	if !client.allows(a.redirectURI) {
		return authorization{}, &pageError{
			"INVALID_CLIENT: Invalid redirect URI. It must be one that the app registered, letter by letter.",
		}
	}
	switch params.Get("response_type") {
	case "code":
	case "token":
		a.implicit = true
	default:
		return a, &oauthError{Code: "unsupported_response_type", Description: "response_type must be code"}
	}
	if a.implicit && !s.options.Implicit {
		return a, &oauthError{Code: "unsupported_response_type", Description: "The implicit grant ended on 2025-11-27"}
	}
	if a.state == "" {
		return a, invalidRequest("state must be supplied")
	}
	var ok bool
	if a.scopes, ok = parseScopes(params.Get("scope")); !ok {
		return a, &oauthError{Code: "invalid_scope", Description: "Invalid scope"}
	}
	if params.Has("show_dialog") {
		if show := params.Get("show_dialog"); show != "true" && show != "false" {
			return a, invalidRequest("show_dialog must be true or false")
		}
	}
	a.challenge = params.Get("code_challenge")
	return a, a.checkChallenge(params)
}

func (a *authorization) checkChallenge(params url.Values) error {
	switch {
	case a.challenge == "" && params.Has("code_challenge_method"):
		return invalidRequest("code_challenge must be supplied")
	case a.challenge == "" && a.client.public() && !a.implicit:
		return invalidRequest("code_challenge must be supplied by a client without a secret")
	case a.challenge == "":
		return nil
	case a.implicit:
		return invalidRequest("code_challenge belongs to response_type code")
	case params.Get("code_challenge_method") != "S256":
		return invalidRequest("code_challenge_method must be S256")
	case !isChallenge(a.challenge):
		return invalidRequest("code_challenge must be a SHA-256 in base64url")
	}
	return nil
}

// decide is POST /authorize: the consent page's form, or a program that speaks for it.
func (s *Server) decide(w http.ResponseWriter, r *request) {
	if err := ownPages.Check(r.Request); err != nil {
		refused := &pageError{"This form was sent by another site. Go back to the app and log in again."}
		s.refuseAuthorization(w, r.Request, authorization{}, refused)
		return
	}
	form, err := strictQuery(string(r.body))
	if err != nil || !isForm(r.Header) || r.URL.RawQuery != "" {
		refused := &pageError{"This form cannot be read. Go back to the app and log in again."}
		s.refuseAuthorization(w, r.Request, authorization{}, refused)
		return
	}
	a, err := s.parseAuthorization(form)
	if err != nil {
		s.refuseAuthorization(w, r.Request, a, err)
		return
	}
	decision := Consent{User: form.Get("user"), Decision: Decision(form.Get("decision"))}
	if err := s.checkConsent(decision); err != nil {
		s.refuseAuthorization(w, r.Request, a, &pageError{"This decision cannot be taken: " + err.Error() + "."})
		return
	}
	s.answerAuthorization(w, r.Request, a, decision)
}

// answerAuthorization sends the browser back to the app with a code, a token or access_denied.
func (s *Server) answerAuthorization(w http.ResponseWriter, r *http.Request, a authorization, c Consent) {
	if c.Decision == DecisionCancel {
		s.refuseAuthorization(w, r, a, &oauthError{Code: "access_denied"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.nowLocked()
	granted := a.scopes
	if c.Scopes != nil {
		granted = filter(a.scopes, func(scope string) bool { return slices.Contains(c.Scopes, scope) })
	}
	g := s.accounts.newGrant(a.client.ID, c.User, granted, now)
	if !a.implicit {
		value := s.accounts.newCode(g, a.redirectURI, a.challenge, now)
		redirect(w, r, a.withQuery(url.Values{"code": {value}, "state": {a.state}}))
		return
	}
	tokens := s.issueLocked(a.client.ID, g, nil, now)
	fragment := url.Values{
		"access_token": {tokens.AccessToken},
		"token_type":   {tokens.TokenType},
		"expires_in":   {strconv.FormatInt(int64(s.options.TokenLifetime/time.Second), 10)},
		"state":        {a.state},
	}
	redirect(w, r, a.redirectURI+"#"+fragment.Encode())
}

// refuseAuthorization answers with a page, or sends the error back to the app where that is safe.
func (s *Server) refuseAuthorization(w http.ResponseWriter, r *http.Request, a authorization, err error) {
	var shown *pageError
	if errors.As(err, &shown) {
		s.writePage(w, http.StatusBadRequest, messagePage{Title: "This login cannot go on", Text: shown.message})
		return
	}
	var refused *oauthError
	errors.As(err, &refused)
	answer := url.Values{"error": {refused.Code}}
	if refused.Description != "" {
		answer.Set("error_description", refused.Description)
	}
	if a.state != "" {
		answer.Set("state", a.state)
	}
	redirect(w, r, a.withQuery(answer))
}

// withQuery adds to the redirect URI's query, which may have parameters of its own.
func (a authorization) withQuery(answer url.Values) string {
	separator := "?"
	if strings.Contains(a.redirectURI, "?") {
		separator = "&"
	}
	return a.redirectURI + separator + answer.Encode()
}

// redirect answers 302 to a GET and 303 to a form, so that the callback is always a GET.
func redirect(w http.ResponseWriter, r *http.Request, target string) {
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}
