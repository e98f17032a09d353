package flows

import (
	"net/http"

	"stagedoor/internal/httperror"
)

// Metrics is what this package reports. The results are those below. It is safe for concurrent use.
type Metrics interface {
	// LoggedIn counts a login that came back from the consent page.
	LoggedIn(result string)
	// LoggedOut counts that a user asked for the end of sessions.
	LoggedOut(result string)
}

// The results of a login or a logout.
const (
	resultOK          = "ok"
	resultDenied      = "denied"      // the user said no
	resultRefused     = "refused"     // something is wrong with the request, or with the user
	resultUnavailable = "unavailable" // it cannot be done for now
)

func resultOf(err error) string {
	if err == nil {
		return resultOK
	}
	switch e := httperror.From(err); {
	case e.Reason == httperror.AccessDenied:
		return resultDenied
	case e.Status >= http.StatusInternalServerError || e.Reason == httperror.RateLimited:
		return resultUnavailable
	default:
		return resultRefused
	}
}

// countLogouts counts what an endpoint that ends sessions does.
func countLogouts(serve serveFunc) serveFunc {
	return func(h *Handler, w http.ResponseWriter, r *http.Request) error {
		err := serve(h, w, r)
		h.metrics.LoggedOut(resultOf(err))
		return err
	}
}

// noMetrics reports nothing.
type noMetrics struct{}

func (noMetrics) LoggedIn(string)  {}
func (noMetrics) LoggedOut(string) {}
