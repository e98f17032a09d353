package flows

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"stagedoor/httperror"
	"stagedoor/secret"
	"stagedoor/session"
)

// loginState is what is known of a login until its callback.
type loginState struct {
	Verifier string   `json:"v,omitempty"`
	ReturnTo string   `json:"r,omitempty"`
	Scopes   []string `json:"s,omitempty"`
	Replaces []string `json:"b,omitempty"` // see session.Login
	// Account is the shared account that the login is for; empty for a session of the browser.
	Account string `json:"a,omitempty"`

	kept  session.LoginState // as the browser has brought it back
	spent bool               // it cannot be brought back again
}

// login sends the browser to the consent page
// (https://developer.spotify.com/documentation/web-api/tutorials/code-flow).
func (h *Handler) login(w http.ResponseWriter, r *http.Request) error {
	if err := h.navigationsOnly(r); err != nil {
		return err
	}
	if h.bringHome(w, r) {
		return nil
	}
	query := r.URL.Query() // what cannot be read is as good as absent: a strange return_to is "/"
	if err := atMostOnce(query, "return_to", "scope", "show_dialog"); err != nil {
		return err
	}
	scopes, err := h.scopesFor(r, query.Get("scope"))
	if err != nil {
		return err
	}
	begun := loginState{ReturnTo: returnTo(query.Get("return_to"), h.origins), Scopes: scopes, Replaces: h.sessions.Named(r)}
	return h.askForConsent(w, r, begun, query.Get("show_dialog") == "true")
}

// navigationsOnly rejects fetch(): a consent page that nobody sees helps nobody.
func (h *Handler) navigationsOnly(r *http.Request) error {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode == "" || mode == "navigate" {
		return nil
	}
	return httperror.New(httperror.InvalidRequest,
		"This is a page of its own: open it as a navigation (location.assign, a link), not with fetch().", nil)
}

// bringHome sends a browser that came by another name of this machine to the public one, and tells whether it did.
func (h *Handler) bringHome(w http.ResponseWriter, r *http.Request) bool {
	if !strayedLoopback(h.public, r) {
		return false
	}
	w.Header().Set("Location", h.public.Scheme+"://"+h.public.Host+r.URL.RequestURI())
	w.WriteHeader(http.StatusFound)
	return true
}

// askForConsent gives the browser the login state and sends it to the consent page.
func (h *Handler) askForConsent(w http.ResponseWriter, r *http.Request, begun loginState, showDialog bool) error {
	if h.usesPKCE() {
		begun.Verifier = oauth2.GenerateVerifier()
	}
	text, err := json.Marshal(begun)
	if err != nil {
		return err
	}
	state, err := h.sessions.BeginLogin(w, r, h.loginPurpose(), text)
	if err != nil {
		return err
	}
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	w.Header().Set("Location", h.consentURL(state, begun, showDialog))
	w.WriteHeader(status)
	return nil
}

// loginPurpose is what login states are sealed for: one that was begun for another client id, flow or address does not open.
func (h *Handler) loginPurpose() string {
	return strings.Join([]string{h.config.ClientID, h.config.Flow, h.public.String()}, "\n")
}

// usesPKCE tells whether a login has a code challenge: always without a secret, and with one unless it is turned off. The
// implicit grant has no code.
func (h *Handler) usesPKCE() bool {
	return h.config.Flow == FlowPKCE || h.config.Flow == FlowCode && h.config.PKCEWithSecret
}

// scopesFor adds what the request asks for to what is configured and to what the user has already granted, so that a step
// up never loses a scope.
func (h *Handler) scopesFor(r *http.Request, asked string) ([]string, error) {
	added := splitScopes(asked)
	if err := CheckScopes(added); err != nil {
		return nil, httperror.New(httperror.InvalidRequest, err.Error(), nil)
	}
	current, err := h.sessions.Peek(r)
	switch {
	case current != nil: // one whose grant has ended had scopes, too
		return union(h.config.Scopes, current.Scopes(), added), nil
	case errors.Is(err, session.ErrStoreUnavailable):
		return nil, httperror.FromSession(err)
	default: // nobody is logged in
		return union(h.config.Scopes, added), nil
	}
}

var responseTypes = map[string]string{FlowCode: "code", FlowPKCE: "code", FlowImplicit: "token"}

// consentURL is the authorization request (RFC 6749 sections 4.1.1 and 4.2.1, RFC 7636 section 4.3).
func (h *Handler) consentURL(state secret.Text, begun loginState, showDialog bool) string {
	query := url.Values{
		"client_id":     {h.config.ClientID},
		"response_type": {responseTypes[h.config.Flow]},
		"redirect_uri":  {h.tokens.oauth.RedirectURL},
		"state":         {state.Reveal()},
	}
	if len(begun.Scopes) > 0 {
		query.Set("scope", strings.Join(begun.Scopes, " "))
	}
	if begun.Verifier != "" {
		query.Set("code_challenge_method", "S256")
		query.Set("code_challenge", oauth2.S256ChallengeFromVerifier(begun.Verifier))
	}
	if showDialog {
		query.Set("show_dialog", "true")
	}
	return h.config.AuthorizeURL + "?" + query.Encode()
}
