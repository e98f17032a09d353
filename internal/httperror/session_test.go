package httperror

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"stagedoor/session"
)

// Every error of package session has one answer.
func TestFromSession(t *testing.T) {
	for name, test := range map[string]struct {
		err        error
		reason     string
		loginURL   string
		retryAfter time.Duration
	}{
		"no session":   {session.ErrNoSession, LoginRequired, "/auth/login", 0},
		"ended grant":  {session.ErrReauthorize, ReauthorizationRequired, "/auth/login", 0},
		"too many":     {session.ErrTooManyCookies, InvalidRequest, "", 0},
		"no store":     {session.ErrStoreUnavailable, StoreUnavailable, "", time.Second},
		"wrong client": {session.ErrClientMisconfigured, ClientMisconfigured, "", 30 * time.Second},
		"no token": {
			&session.RefreshUnavailableError{Cause: errors.New("502")},
			TokenEndpointUnavailable, "", time.Second,
		},
		"no token for 7s": {
			&session.RefreshUnavailableError{RetryAfter: 7 * time.Second, Cause: errors.New("503")},
			TokenEndpointUnavailable, "", 7 * time.Second,
		},
		"no token for an instant": {
			&session.RefreshUnavailableError{RetryAfter: time.Millisecond, Cause: errors.New("503")},
			TokenEndpointUnavailable, "", time.Second,
		},
	} {
		for _, err := range []error{test.err, fmt.Errorf("wrapped: %w", test.err), errors.Join(test.err, errors.New("more"))} {
			got := From(FromSession(err))
			if got.Reason != test.reason || got.Status != contract[test.reason] || got.LoginURL != test.loginURL || got.RetryAfter != test.retryAfter {
				t.Errorf("%s: %+v", name, got)
			}
			if !errors.Is(got, test.err) {
				t.Errorf("%s: the cause is lost", name)
			}
			if strings.Contains(got.Message, "The access token expired") || !strings.HasSuffix(got.Message, ".") {
				t.Errorf("%s: the message is %q", name, got.Message)
			}
		}
	}
}

func TestFromSessionLeavesOthersAlone(t *testing.T) {
	if err := FromSession(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	other := errors.New("other")
	if err := FromSession(other); !errors.Is(err, other) || From(err).Reason != InternalError {
		t.Errorf("another error became %v", err)
	}
}
