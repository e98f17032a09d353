package flows

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"stagedoor/flows/token"
	"stagedoor/internal/httperror"
	"stagedoor/secret"
	"stagedoor/session"
)

const callbackPath = "/auth/callback"

var callbackEndpoint = endpoint{path: callbackPath, methods: get, page: true, serve: (*Handler).callback}

// retrySoon is the Retry-After of an outage at Spotify of unknown length.
const retrySoon = time.Second

// callback takes what the consent page sends back, and sends the browser to where it wanted to go.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request) error {
	if h.config.Flow == FlowImplicit && r.URL.RawQuery == "" {
		return h.fragmentPage(w, r) // the answer is behind the #, where only a script can read it
	}
	begun, login, err := h.redeem(r)
	if err == nil {
		err = h.keep(w, r, begun, login)
	}
	if h.wentBack(r, begun, err) {
		return seeOther(w, begun.ReturnTo)
	}
	h.metrics.LoggedIn(loginResult(err))
	if err != nil {
		h.auditLogin(err)
		return begun.wayOn(err)
	}
	if begun.Account != "" {
		h.pages.WriteNotice(w, r, "The account is connected",
			fmt.Sprintf("Routes with credentials account:%s now speak for %s.", begun.Account, login.User.ID),
			"That holds until the operator removes the account, or you remove the app at Spotify. You can close this page.")
		return nil
	}
	return seeOther(w, begun.ReturnTo)
}

func seeOther(w http.ResponseWriter, location string) error {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// wentBack tells whether a callback belongs to a login that this browser has finished before, and is still logged in: the
// user has pressed Back. The login state comes from the browser's own cookie, so its return path is that login's.
func (h *Handler) wentBack(r *http.Request, begun loginState, err error) bool {
	if !errors.Is(err, session.ErrLoginSpent) || begun.Account != "" {
		return false
	}
	_, err = h.sessions.Peek(r)
	return err == nil
}

func (h *Handler) auditLogin(err error) {
	h.log.Info("audit", zap.String("event", "login"), zap.String("result", httperror.From(err).Reason),
		zap.String("user", ""), zap.String("session", "")) // there is no session yet
}

// redeem makes a login of a callback. The order matters: the state is checked against this browser, and what no server
// could have sent is rejected, before anything is used up; a slot for the calls is acquired before the state is used up, so
// that the same callback works once there are free slots; and the state is used up before the code is redeemed.
func (h *Handler) redeem(r *http.Request) (begun loginState, login session.Login, err error) {
	query, err := params(r, "code", "state", "error", "iss")
	if err != nil {
		return begun, login, err
	}
	if begun, err = h.openAnswer(r, query); err != nil {
		return begun, login, err
	}
	code := query.Get("code")
	if !isCode(code) || h.config.Flow == FlowImplicit { // the implicit grant does not ask for a code
		return begun, login, restart(httperror.InvalidRequest, "Spotify sent no code. Begin again.", nil)
	}
	if err := h.calls.Open(); err != nil { // nothing is spent
		return begun, login, err
	}
	slot, err := h.tokens.AcquireLogin(r.Context())
	if err != nil {
		return begun, login, crowded(err)
	}
	defer slot.Release()
	if err := h.spendLogin(r, &begun); err != nil {
		return begun, login, err
	}
	login.AuthorizedAt = h.now()
	login.Grant, err = slot.Exchange(r.Context(), secret.New(code), secret.New(begun.Verifier), begun.Scopes)
	if errors.Is(err, session.ErrGrantEnded) {
		return begun, login, restart(httperror.InvalidRequest, "This login took too long or was finished before. Begin again.", err)
	}
	if err != nil {
		return begun, login, notExchanged(err)
	}
	login.User, err = h.profile(r.Context(), login.Grant.Token)
	return begun, login, err
}

// openAnswer checks the issuer and the state of what the authorization endpoint answered, and returns the login that it answers. A "no"
// is an error, and uses the login up.
func (h *Handler) openAnswer(r *http.Request, said url.Values) (begun loginState, err error) {
	if err := h.checkIssuer(said); err != nil {
		return begun, err
	}
	begun, err = h.openLogin(r, said.Get("state"))
	denied := said.Get("error")
	if err != nil || denied == "" {
		return begun, err
	}
	if err := h.spendLogin(r, &begun); err != nil {
		return begun, err
	}
	return begun, rejectedBySpotify(denied)
}

// crowded is the answer to a login that found no slot. Nothing of it has been used up.
func crowded(err error) error {
	e := restart(httperror.TokenEndpointUnavailable,
		"Too many people are logging in at this moment. Load this page again in a few seconds.", err)
	e.Title, e.RetryAfter = "Too many logins right now", token.LoginWait
	return e
}

// keep makes the login a session of this browser, or the grant of the shared account that it was begun for.
func (h *Handler) keep(w http.ResponseWriter, r *http.Request, begun loginState, login session.Login) error {
	if begun.Account != "" {
		return httperror.FromSession(h.sessions.ConnectAccount(r.Context(), begun.Account, login))
	}
	login.Replaces = begun.Replaces
	_, err := h.sessions.Create(w, r, login)
	return httperror.FromSession(err)
}

// notExchanged is FromSession for a user who is not logged in yet.
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

// checkIssuer rejects an answer that names another issuer (RFC 9207): the consent page's has its origin.
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

// rejectedBySpotify explains an error answer (RFC 6749 section 4.1.2.1). The text of the answer
// may come from an attacker, so it is not shown.
func rejectedBySpotify(code string) error {
	switch code {
	case "access_denied":
		return restart(httperror.AccessDenied, "You did not allow this app to use your Spotify account, so you are not logged in.", nil)
	case "server_error", "temporarily_unavailable":
		e := restart(httperror.TokenEndpointUnavailable, "Spotify could not finish this login. Try again shortly.", nil)
		e.RetryAfter = retrySoon
		return e
	default:
		return restart(httperror.InvalidRequest, "Spotify refused this login. Begin again; if it happens again, tell the operator.",
			errors.New("the consent page answered "+token.Redact(code, nil)))
	}
}

// restart is an error that a new login solves.
func restart(reason, message string, cause error) *httperror.Error {
	e := httperror.New(reason, message, cause)
	e.LoginURL = loginPath
	return e
}

const (
	// shortestCode and longestCode bound an authorization code, in bytes. Spotify's have some hundred characters; the
	// bounds leave room for other servers.
	shortestCode = 4
	longestCode  = 2048
)

// isCode tells whether a server could have made text as an authorization code (RFC 6749 appendix A.11: VSCHAR, of which a
// blank is one).
func isCode(text string) bool {
	return len(text) >= shortestCode && len(text) <= longestCode && token.Valid(strings.ReplaceAll(text, " ", "x"))
}
