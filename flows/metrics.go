package flows

import (
	"net/http"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
)

// Metrics is what this package reports. It is safe for concurrent use.
type Metrics interface {
	// LoggedIn counts a login that came back from the consent page.
	LoggedIn(result outcome.Login)
	// LoggedOut counts that a user asked for the end of sessions.
	LoggedOut(result outcome.Logout)
}

func loginResult(err error) outcome.Login {
	switch {
	case err == nil:
		return outcome.LoginOK
	case httperror.From(err).Reason == httperror.AccessDenied:
		return outcome.LoginDenied
	case isUnavailable(err):
		return outcome.LoginUnavailable
	default:
		return outcome.LoginRefused
	}
}

func logoutResult(err error) outcome.Logout {
	switch {
	case err == nil:
		return outcome.LogoutOK
	case isUnavailable(err):
		return outcome.LogoutUnavailable
	default:
		return outcome.LogoutRefused
	}
}

// isUnavailable tells whether the error is not the request's or the user's.
func isUnavailable(err error) bool {
	e := httperror.From(err)
	return e.Status >= http.StatusInternalServerError || e.Reason == httperror.RateLimited
}

// countLogouts counts what an endpoint that ends sessions does.
func countLogouts(serve serveFunc) serveFunc {
	return func(h *Handler, w http.ResponseWriter, r *http.Request) error {
		err := serve(h, w, r)
		h.metrics.LoggedOut(logoutResult(err))
		return err
	}
}

// noMetrics reports nothing.
type noMetrics struct{}

func (noMetrics) LoggedIn(outcome.Login)   {}
func (noMetrics) LoggedOut(outcome.Logout) {}
