package session

import (
	"errors"
	"time"
)

// Metrics is what this package reports of its refreshes. It is safe for concurrent use.
type Metrics interface {
	// Refreshed counts a refresh that called the token endpoint, by one of the results below, and observes how long it took.
	Refreshed(result string, took time.Duration)
}

// The results of a refresh.
const (
	refreshOK            = "ok"
	refreshGrantEnded    = "grant_ended"
	refreshMisconfigured = "client_misconfigured"
	refreshUnavailable   = "unavailable"
	refreshLost          = "lost" // the new token could not be written
)

// refreshResult names what the token endpoint answered.
func refreshResult(err error) string {
	switch {
	case err == nil:
		return refreshOK
	case errors.Is(err, ErrGrantEnded):
		return refreshGrantEnded
	case errors.Is(err, ErrClientMisconfigured):
		return refreshMisconfigured
	default:
		return refreshUnavailable
	}
}

// noMetrics reports nothing.
type noMetrics struct{}

func (noMetrics) Refreshed(string, time.Duration) {}
