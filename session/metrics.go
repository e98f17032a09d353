package session

import (
	"errors"
	"time"

	"stagedoor/internal/outcome"
)

// Metrics is what this package reports of its sessions. It is safe for concurrent use.
type Metrics interface {
	// Refreshed counts a refresh that called the token endpoint, by its result, and observes how long it took.
	Refreshed(result outcome.Refresh, took time.Duration, trace string)
	// SessionEnded counts a browser's session that has ended, when it is known.
	SessionEnded(reason outcome.End)
}

// refreshResult names what the token endpoint answered.
func refreshResult(err error) outcome.Refresh {
	switch {
	case err == nil:
		return outcome.RefreshOK
	case errors.Is(err, ErrGrantEnded):
		return outcome.RefreshGrantEnded
	case errors.Is(err, ErrClientMisconfigured):
		return outcome.RefreshMisconfigured
	default:
		return outcome.RefreshUnavailable
	}
}

// noMetrics reports nothing.
type noMetrics struct{}

func (noMetrics) Refreshed(outcome.Refresh, time.Duration, string) {}
func (noMetrics) SessionEnded(outcome.End)                         {}
