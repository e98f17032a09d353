package flows

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"stagedoor/httperror"
	"stagedoor/session"
)

// loginNote is what a login remembers until its callback.
type loginNote struct {
	Verifier string   `json:"v,omitempty"`
	ReturnTo string   `json:"r"`
	Scopes   []string `json:"s"`
}

// login sends the browser to the consent page
// (https://developer.spotify.com/documentation/web-api/tutorials/code-flow).
func (h *Handler) login(w http.ResponseWriter, r *http.Request) error {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return httperror.New(httperror.InvalidRequest,
			"A login is a page of its own: open /auth/login as a navigation (location.assign, a link), not with fetch().", nil)
	}
	if strayedLoopback(h.public, r) {
		http.Redirect(w, r, h.public.Scheme+"://"+h.public.Host+r.URL.RequestURI(), http.StatusFound)
		return nil
	}
	query, err := params(r, "return_to", "scope", "show_dialog")
	if err != nil {
		return err
	}
	scopes, err := h.scopesFor(r, query.Get("scope"))
	if err != nil {
		return err
	}
	note := loginNote{ReturnTo: returnPath(query.Get("return_to")), Scopes: scopes}
	if h.usesPKCE() {
		note.Verifier = oauth2.GenerateVerifier()
	}
	plain, err := json.Marshal(note)
	if err != nil {
		return err
	}
	state, err := h.sessions.BeginAttempt(w, r, plain)
	if err != nil {
		return httperror.FromSession(err)
	}
	w.Header().Set("Location", h.consentURL(state, note, query.Get("show_dialog") == "true"))
	w.WriteHeader(http.StatusFound)
	return nil
}

// usesPKCE tells whether a login has a code challenge: always without a secret, and with one unless it is turned off.
func (h *Handler) usesPKCE() bool {
	return h.config.Flow == FlowPKCE || h.config.PKCEWithSecret
}

// scopesFor adds what the request asks for to what is configured and to what the user has already granted, so that a step
// up never loses a scope.
func (h *Handler) scopesFor(r *http.Request, asked string) ([]string, error) {
	added := splitScopes(asked)
	if scope, unknown := unknownScope(added); unknown {
		return nil, httperror.New(httperror.InvalidRequest, scopeProblem(scope), nil)
	}
	current, err := h.sessions.Peek(r)
	switch {
	case err == nil:
		return union(h.config.Scopes, current.Scopes(), added), nil
	case errors.Is(err, session.ErrStoreUnavailable):
		return nil, httperror.FromSession(err)
	default: // nobody is logged in
		return union(h.config.Scopes, added), nil
	}
}

// consentURL is the authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
func (h *Handler) consentURL(state session.Secret, note loginNote, showDialog bool) string {
	query := url.Values{
		"client_id":     {h.config.ClientID},
		"response_type": {"code"},
		"redirect_uri":  {h.tokens.oauth.RedirectURL},
		"state":         {state.Reveal()},
	}
	if len(note.Scopes) > 0 {
		query.Set("scope", strings.Join(note.Scopes, " "))
	}
	if note.Verifier != "" {
		query.Set("code_challenge_method", "S256")
		query.Set("code_challenge", oauth2.S256ChallengeFromVerifier(note.Verifier))
	}
	if showDialog {
		query.Set("show_dialog", "true")
	}
	return h.config.AuthorizeURL + "?" + query.Encode()
}
