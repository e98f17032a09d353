package flows

import (
	"encoding/json"
	"errors"
	"fmt"
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
	if h.config.Flow == FlowImplicit && r.URL.RawQuery == "" {
		return fragmentPage(w, r) // the answer is behind the #, where only a script can read it
	}
	note, login, err := h.redeem(r)
	if err == nil {
		err = h.keep(w, r, note, login)
	}
	h.metrics.LoggedIn(resultOf(err))
	if err != nil {
		h.auditLogin(err)
		return withoutLogin(err, note)
	}
	if note.Account != "" {
		httperror.WriteNotice(w, r, "The account is connected",
			fmt.Sprintf("Routes with credentials account:%s now speak for %s.", note.Account, login.User.ID))
		return nil
	}
	w.Header().Set("Location", note.ReturnTo)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// withoutLogin takes the way to a login from the fault of an account's connection, which only another link mends.
func withoutLogin(err error, note loginNote) error {
	if note.Account == "" {
		return err
	}
	e := *httperror.From(err)
	e.LoginURL = ""
	e.Message += " The link has been used; make another with `stagedoor accounts connect`."
	return &e
}

func (h *Handler) auditLogin(err error) {
	h.log.Info("audit", zap.String("event", "login"), zap.String("result", httperror.From(err).Reason),
		zap.String("user", ""), zap.String("session", "")) // nobody is logged in
}

// redeem makes a login of a callback. The order matters: the state is checked against this browser, and used up, before
// the code is worth a call.
func (h *Handler) redeem(r *http.Request) (note loginNote, login session.Login, err error) {
	query, err := params(r, "code", "state", "error", "iss")
	if err != nil {
		return note, login, err
	}
	if err := h.checkIssuer(query); err != nil {
		return note, login, err
	}
	if note, err = h.finishAttempt(r, query.Get("state")); err != nil {
		return note, login, err
	}
	if denied := query.Get("error"); denied != "" {
		return note, login, refusedBySpotify(denied)
	}
	if query.Get("code") == "" || h.config.Flow == FlowImplicit { // where a code is nothing that was asked for
		return note, login, restart(httperror.InvalidRequest, "Spotify sent no code. Begin again.", nil)
	}
	login.AuthorizedAt = h.now()
	login.Grant, err = h.tokens.Exchange(r.Context(), session.NewSecret(query.Get("code")), session.NewSecret(note.Verifier), note.Scopes)
	if errors.Is(err, session.ErrGrantEnded) {
		return note, login, restart(httperror.InvalidRequest, "This login took too long or was finished before. Begin again.", err)
	}
	if err != nil {
		return note, login, notExchanged(err)
	}
	login.User, err = h.profile(r.Context(), login.Grant.Token)
	return note, login, err
}

// keep makes the login a session of this browser, or the grant of the shared account that it was begun for.
func (h *Handler) keep(w http.ResponseWriter, r *http.Request, note loginNote, login session.Login) error {
	if note.Account != "" {
		return httperror.FromSession(h.sessions.ConnectAccount(r.Context(), note.Account, login))
	}
	login.Replaces = note.Replaces
	_, err := h.sessions.Create(w, r, login)
	return httperror.FromSession(err)
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

// checkIssuer refuses an answer that names another issuer (RFC 9207): the consent page's has its origin.
func (h *Handler) checkIssuer(answer url.Values) error {
	if !answer.Has("iss") {
		return nil
	}
	issuer, err := url.Parse(answer.Get("iss"))
	consent, consentErr := url.Parse(h.config.AuthorizeURL)
	if err == nil && consentErr == nil && issuer.Scheme == consent.Scheme && issuer.Host == consent.Host {
		return nil
	}
	return restart(httperror.InvalidRequest, "This answer does not come from Spotify. Begin again.", nil)
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
