package live

import (
	"context"
	"time"

	"stagedoor/internal/outcome"
)

// Source asks Spotify on behalf of one session or account, at one path. The methods may be called concurrently.
type Source interface {
	// Check tells whether the session or the account still exists, and counts as its use. It returns until when it will
	// exist without another use.
	Check(ctx context.Context) (until time.Time, problem *Problem)
	// Poll makes one call and returns the answer's body, which is empty for an answer without one.
	Poll(ctx context.Context) (body []byte, problem *Problem)
	// Ended is the error JSON for a session or an account that does not exist any more.
	Ended() []byte
	// Seal seals a text that only a Source of the same session or account can open, and Open is its inverse.
	Seal(plain []byte) ([]byte, error)
	Open(sealed []byte) ([]byte, error)
}

// Problem says why there is no answer.
type Problem struct {
	// Event is EventDelayed, EventFailed or EventEnded.
	Event outcome.Event
	// Reason is why an answer is delayed, and RetryAfter when it makes sense to ask again; zero when that is unknown.
	Reason     string
	RetryAfter time.Duration
	// Status and Body are the answer, as error JSON on one line, when it has failed or ended.
	Status int
	Body   []byte
}

// Leases lets one holder at a time work on a key. Another Acquire of the holder sets the time that is left.
type Leases interface {
	Acquire(ctx context.Context, key, holder string, ttl time.Duration) (bool, error)
}

// Metrics is what this package reports. The methods may be called concurrently.
type Metrics interface {
	// StreamOpened and StreamClosed tell of a stream.
	StreamOpened()
	StreamClosed()
	// Polled counts a poll by its result.
	Polled(result outcome.Poll)
	// Event counts an event that was written to a stream, by its name.
	Event(name outcome.Event)
}
