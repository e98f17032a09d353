package httperror

import (
	"errors"
	"time"

	"stagedoor/session"
)

// retrySoon is the Retry-After of an error that may end at any time.
const retrySoon = time.Second

// FromSession turns an error of package session into the answer that the contract has for it. A nil error stays nil.
func FromSession(err error) error {
	var unavailable *session.RefreshUnavailableError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, session.ErrNoSession):
		return login(New(LoginRequired, "Log in to continue.", err))
	case errors.Is(err, session.ErrReauthorize):
		return login(New(ReauthorizationRequired, "Spotify ended this authorization. Log in again to continue.", err))
	case errors.Is(err, session.ErrRefreshedLately): // a revoked grant looks so until the next refresh is allowed
		return login(retry(New(ReauthorizationRequired, "Spotify rejects the token that it gave for this session moments ago. "+
			"Log in again, or try again in half a minute.", err), session.ForcedRefreshInterval))
	case errors.Is(err, session.ErrTooManyCookies):
		return New(InvalidRequest, "This request has too many different session cookies, so no session was ended. "+
			"Delete the cookies of this site, log in again, and log out everywhere.", err)
	case errors.Is(err, session.ErrStoreUnavailable):
		return retry(New(StoreUnavailable, "The session store does not answer. You are still logged in; try again shortly.", err), retrySoon)
	case errors.Is(err, session.ErrClientMisconfigured):
		return retry(New(ClientMisconfigured, "Spotify rejects this app's client id or secret. Its operator must correct them; you stay logged in.", err), 30*time.Second)
	case errors.As(err, &unavailable):
		return retry(New(TokenEndpointUnavailable, "Spotify's token service does not answer. You are still logged in; try again shortly.", err), max(unavailable.RetryAfter, retrySoon))
	default:
		return err
	}
}

func login(e *Error) *Error {
	e.LoginURL = loginPath
	return e
}

func retry(e *Error, after time.Duration) *Error {
	e.RetryAfter = after
	return e
}
