package flows

import (
	"errors"
	"testing"

	"stagedoor/internal/httperror"
	"stagedoor/session"
)

func TestResultOf(t *testing.T) {
	for want, errs := range map[string][]error{
		resultOK:     {nil},
		resultDenied: {rejectedBySpotify("access_denied")},
		resultRefused: {
			rejectedBySpotify("unauthorized_client"), httperror.New(httperror.UserNotRegistered, "", nil),
			httperror.FromSession(session.ErrNoSession),
		},
		resultUnavailable: {
			httperror.FromSession(session.ErrStoreUnavailable), httperror.FromSession(session.ErrClientMisconfigured),
			httperror.FromSession(&session.RefreshUnavailableError{Cause: errors.New("503")}),
			httperror.New(httperror.RateLimited, "", nil), rejectedBySpotify("temporarily_unavailable"), errors.New("an error of ours"),
		},
	} {
		for _, err := range errs {
			if got := resultOf(err); got != want {
				t.Errorf("%v is %s, want %s", err, got, want)
			}
		}
	}
}
