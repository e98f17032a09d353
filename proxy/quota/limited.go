package quota

import (
	"fmt"
	"time"
)

// LimitedError says that a call was not made, because calls are limited now.
type LimitedError struct {
	Reason Reason
	// RetryAfter is when it makes sense to ask again.
	RetryAfter time.Duration
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("%s for another %v", e.Text(), e.RetryAfter.Round(time.Millisecond))
}

// Text says in a sentence without its end which limit it is.
func (e *LimitedError) Text() string {
	switch e.Reason {
	case ReasonQuota:
		return "Spotify's quota for this app is used up"
	case ReasonShare:
		return "This session has used up its share of the app's calls to Spotify"
	case ReasonBudget:
		return "The app's calls to Spotify are used up"
	default:
		return "Spotify limits how often this app may call"
	}
}
