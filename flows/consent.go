package flows

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"stagedoor/secret"
)

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

// usesPKCE tells whether a login has a code challenge: always without a secret, and with one unless it is turned off. The
// implicit grant has no code.
func (h *Handler) usesPKCE() bool {
	return h.config.Flow == FlowPKCE || h.config.Flow == FlowCode && h.config.PKCEWithSecret
}

var responseTypes = map[string]string{FlowCode: "code", FlowPKCE: "code", FlowImplicit: "token"}

// consentURL is the authorization request (RFC 6749 sections 4.1.1 and 4.2.1, RFC 7636 section 4.3).
func (h *Handler) consentURL(state secret.Text, begun loginState, showDialog bool) string {
	query := url.Values{
		"client_id":     {h.config.ClientID},
		"response_type": {responseTypes[h.config.Flow]},
		"redirect_uri":  {RedirectURI(h.origins[0])},
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
