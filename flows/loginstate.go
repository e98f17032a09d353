package flows

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"stagedoor/internal/httperror"
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

// loginPurpose is what login states are sealed for: one that was begun for another client id, flow or address does not open.
func (h *Handler) loginPurpose() string {
	return strings.Join([]string{h.config.ClientID, h.config.Flow, h.public.String()}, "\n")
}

// openLogin returns the login state that the browser keeps for a state. It uses nothing up. With the error of one that has
// expired it returns the login state that was.
func (h *Handler) openLogin(r *http.Request, state string) (begun loginState, err error) {
	kept, err := h.sessions.OpenLogin(r, h.loginPurpose(), state)
	if errors.Is(err, session.ErrNoLogin) {
		return begun, restart(httperror.InvalidRequest,
			"This login was begun in another browser, took longer than ten minutes, or was finished before. Begin again.", err)
	}
	if err != nil && !errors.Is(err, session.ErrLoginExpired) {
		return begun, err
	}
	if err := json.Unmarshal(kept.Text, &begun); err != nil {
		return begun, err
	}
	begun.kept = kept
	if err != nil {
		begun.spent = true
		return begun, restart(httperror.InvalidRequest, "This login took longer than ten minutes. Begin again.", err)
	}
	return begun, nil
}

// spendLogin uses the login state up, once for all replicas. While the store does not answer it is as good as before.
func (h *Handler) spendLogin(r *http.Request, begun *loginState) error {
	err := h.sessions.SpendLogin(r.Context(), begun.kept)
	if errors.Is(err, session.ErrLoginSpent) {
		err = restart(httperror.InvalidRequest, "This login was finished before. Begin again.", err)
	}
	begun.spent = !errors.Is(err, session.ErrStoreUnavailable)
	return httperror.FromSession(err)
}

// wayOn returns the error of a login with what helps now: another login with the same return path; for a shared account
// only another link, once this one's login state is used up.
func (s loginState) wayOn(err error) error {
	e := *httperror.From(err)
	e.Home = homeOf(s.ReturnTo)
	switch {
	case s.Account != "":
		e.LoginURL = ""
		if s.spent {
			e.Message += " The link has been used; make another with `stagedoor accounts connect`."
		}
	case e.LoginURL == loginPath && s.ReturnTo != "" && s.ReturnTo != "/":
		e.LoginURL += "?" + url.Values{"return_to": {s.ReturnTo}}.Encode()
	}
	return &e
}

// homeOf is the start of the app that a login was to lead to: of another origin, or of our own.
func homeOf(returnTo string) string {
	u, err := url.Parse(returnTo)
	if err != nil || u.Host == "" {
		return "/"
	}
	return u.Scheme + "://" + u.Host + "/"
}
