package flows

import (
	"errors"
	"testing"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
	"stagedoor/session"
)

// TestResults checks what errors count as: for a logout as for a login, which alone can be denied.
func TestResults(t *testing.T) {
	for want, errs := range map[outcome.Login][]error{
		outcome.LoginOK:     {nil},
		outcome.LoginDenied: {rejectedBySpotify("access_denied")},
		outcome.LoginRefused: {
			rejectedBySpotify("unauthorized_client"), httperror.New(httperror.UserNotRegistered, "", nil),
			httperror.FromSession(session.ErrNoSession),
		},
		outcome.LoginUnavailable: {
			httperror.FromSession(session.ErrStoreUnavailable), httperror.FromSession(session.ErrClientMisconfigured),
			httperror.FromSession(&session.RefreshUnavailableError{Cause: errors.New("503")}),
			httperror.New(httperror.RateLimited, "", nil), rejectedBySpotify("temporarily_unavailable"), errors.New("an error of ours"),
		},
	} {
		for _, err := range errs {
			if got := loginResult(err); got != want {
				t.Errorf("a login with %v is %s, want %s", err, got, want)
			}
			if got := logoutResult(err); want != outcome.LoginDenied && got.String() != want.String() {
				t.Errorf("a logout with %v is %s, want %s", err, got, want)
			}
		}
	}
}
