package flows

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"stagedoor/httperror"
	"stagedoor/session"
)

// retrySoon is the Retry-After of an outage at Spotify whose end nobody knows.
const retrySoon = time.Second

// callback takes what the consent page sends back, and sends the browser to where it wanted to go.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request) error {
	returnTo, err := h.finishLogin(w, r)
	if err != nil {
		h.log.Info("audit", zap.String("event", "login"), zap.String("result", httperror.From(err).Reason))
		return err
	}
	w.Header().Set("Location", returnTo)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// finishLogin makes a session of a callback. The order matters: the state is checked against this browser, and used up,
// before the code is worth a call.
func (h *Handler) finishLogin(w http.ResponseWriter, r *http.Request) (returnTo string, err error) {
	query, err := params(r, "code", "state", "error", "iss")
	if err != nil {
		return "", err
	}
	if !h.sameIssuer(query) {
		return "", restart(httperror.InvalidRequest, "This answer does not come from Spotify. Begin again.", nil)
	}
	note, err := h.finishAttempt(r, query.Get("state"))
	if err != nil {
		return "", err
	}
	if denied := query.Get("error"); denied != "" {
		return "", refusedBySpotify(denied)
	}
	if query.Get("code") == "" {
		return "", restart(httperror.InvalidRequest, "Spotify sent no code. Begin again.", nil)
	}
	authorizedAt := h.now()
	grant, err := h.tokens.Exchange(r.Context(), session.NewSecret(query.Get("code")), session.NewSecret(note.Verifier), note.Scopes)
	if errors.Is(err, session.ErrGrantEnded) {
		return "", restart(httperror.InvalidRequest, "This login took too long or was finished before. Begin again.", err)
	}
	if err != nil {
		return "", notExchanged(err)
	}
	user, err := h.profile(r.Context(), grant.Token)
	if err != nil {
		return "", err
	}
	if _, err := h.sessions.Create(w, r, session.Login{User: user, Grant: grant, AuthorizedAt: authorizedAt}); err != nil {
		return "", httperror.FromSession(err)
	}
	return note.ReturnTo, nil
}

// notExchanged is FromSession for somebody who is not logged in yet.
func notExchanged(err error) error {
	e := httperror.From(httperror.FromSession(err))
	if e.Reason == httperror.TokenEndpointUnavailable {
		e.Message, e.LoginURL = "Spotify's login service does not answer right now. Try again shortly.", loginPath
	}
	if e.Reason == httperror.ClientMisconfigured {
		e.Message = "Spotify does not accept this app's client id or secret. Its operator must correct them."
	}
	return e
}

// sameIssuer checks the issuer when the answer names one (RFC 9207): it has the origin of the consent page.
func (h *Handler) sameIssuer(query url.Values) bool {
	if !query.Has("iss") {
		return true
	}
	issuer, err := url.Parse(query.Get("iss"))
	consent, consentErr := url.Parse(h.config.AuthorizeURL)
	return err == nil && consentErr == nil && issuer.Scheme == consent.Scheme && issuer.Host == consent.Host
}

func (h *Handler) finishAttempt(r *http.Request, state string) (loginNote, error) {
	plain, err := h.sessions.FinishAttempt(r, state)
	if errors.Is(err, session.ErrNoAttempt) {
		return loginNote{}, restart(httperror.InvalidRequest,
			"This login was begun in another browser, took longer than ten minutes, or was finished before. Begin again.", err)
	}
	if err != nil {
		return loginNote{}, httperror.FromSession(err)
	}
	var note loginNote
	if err := json.Unmarshal(plain, &note); err != nil {
		return loginNote{}, err
	}
	return note, nil
}

// refusedBySpotify explains an error answer (RFC 6749 section 4.1.2.1). The text of the answer itself is anybody's, so it
// is not shown.
func refusedBySpotify(code string) error {
	switch code {
	case "access_denied":
		return restart(httperror.AccessDenied, "You did not allow this app to use your Spotify account, so you are not logged in.", nil)
	case "server_error", "temporarily_unavailable":
		e := restart(httperror.TokenEndpointUnavailable, "Spotify could not finish this login. Try again shortly.", nil)
		e.RetryAfter = retrySoon
		return e
	default:
		return restart(httperror.InvalidRequest, "Spotify refused this login. Begin again; if it happens again, tell the operator.",
			errors.New("the consent page answered "+redact(code, nil)))
	}
}

// restart is a fault after which a new login is the way on.
func restart(reason, message string, cause error) *httperror.Error {
	e := httperror.New(reason, message, cause)
	e.LoginURL = loginPath
	return e
}
