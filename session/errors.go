package session

import (
	"errors"
	"fmt"
	"time"

	"stagedoor/internal/outcome"
)

var (
	// ErrNoSession says that the request has no session: no cookie, an unknown one, or one of a session that has ended.
	ErrNoSession = errors.New("no session")
	// ErrReauthorize says that the session is known but its grant is over: only a new login helps.
	ErrReauthorize = errors.New("the grant has ended")
	// ErrTooManyCookies says that the request names more sessions than one request may end; nothing was ended.
	ErrTooManyCookies = errors.New("too many different session cookies")
	// ErrStoreUnavailable says that the store did not answer, so nothing is known about the session.
	ErrStoreUnavailable = errors.New("the session store does not answer")
	// ErrRefreshedLately rejects a forced refresh that follows another one within ForcedRefreshInterval.
	ErrRefreshedLately = errors.New("the token was refreshed by force only just now")
)

// The next three are the errors of Options.Refresh.
var (
	// ErrGrantEnded says that the refresh token is no longer valid (RFC 6749 section 5.2, invalid_grant).
	ErrGrantEnded = errors.New("invalid_grant")
	// ErrClientMisconfigured says that the client id or secret is wrong (RFC 6749 section 5.2, invalid_client).
	ErrClientMisconfigured = errors.New("invalid_client")
)

// RefreshUnavailableError says that no token can be obtained for now and nothing is known about the grant.
type RefreshUnavailableError struct {
	// RetryAfter is how long to wait before another try; zero means that the server named no time.
	RetryAfter time.Duration
	// Cause is for the log; it never holds a secret.
	Cause error
}

func (e *RefreshUnavailableError) Error() string {
	return fmt.Sprintf("the token endpoint is unavailable: %v", e.Cause)
}

// Unwrap returns the cause.
func (e *RefreshUnavailableError) Unwrap() error { return e.Cause }

// EndedError is ErrNoSession for a cookie whose session has ended, as far as the reason is known.
type EndedError struct {
	Reason outcome.End
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("%v: it has ended (%v)", ErrNoSession, e.Reason)
}

// Is reports that it is ErrNoSession.
func (e *EndedError) Is(target error) bool { return target == ErrNoSession }
