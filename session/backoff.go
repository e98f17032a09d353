package session

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// The backoff after a failed refresh doubles from firstBackoff to the maximum. The first failure has none: the token endpoint
// may already answer the next request.
const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 15 * time.Second
	// longestRetryAfter bounds what the token endpoint may ask for.
	longestRetryAfter = 5 * time.Minute
	// maxBackoffs is how many sessions' failures are remembered before those that are over are forgotten.
	maxBackoffs = 10_000
)

// wholeClient is the key of a backoff of all sessions together: Spotify rejected the client itself.
const wholeClient = ""

// backoffs remembers for which sessions a refresh failed, so that a failing token endpoint is not called with every request.
// A rejection of the client counts for all sessions.
type backoffs struct {
	mu    sync.Mutex // guards after
	after map[string]backoff
}

type backoff struct {
	failures int
	until    time.Time
	cause    error
}

func newBackoffs() *backoffs { return &backoffs{after: map[string]backoff{}} }

// active returns why the last refresh failed while it is too early for another, and how long that lasts.
func (b *backoffs) active(key string, now time.Time) (cause error, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range []string{key, wholeClient} {
		if last := b.after[key]; last.until.After(now) {
			return last.cause, last.until.Sub(now)
		}
	}
	return nil, 0
}

// failed begins a backoff. The time that the server asked for wins when it is longer.
func (b *backoffs) failed(key string, cause error, retryAfter time.Duration, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin(key, cause, retryAfter, now)
	if errors.Is(cause, ErrClientMisconfigured) {
		b.begin(wholeClient, cause, retryAfter, now)
	}
}

func (b *backoffs) begin(key string, cause error, retryAfter time.Duration, now time.Time) {
	if len(b.after) >= maxBackoffs {
		for key, last := range b.after {
			if now.After(last.until) {
				delete(b.after, key)
			}
		}
	}
	failures := b.after[key].failures + 1
	length := time.Duration(0)
	if failures > 1 {
		length = min(firstBackoff<<min(failures-2, 10), maxBackoff)
		length = length/2 + rand.N(length) //nolint:gosec // G404: no secret; replicas shall not come back all at once
	}
	length = max(length, min(retryAfter, longestRetryAfter))
	b.after[key] = backoff{failures: failures, until: now.Add(length), cause: cause}
}

// worked forgets the failures.
func (b *backoffs) worked(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.after, key)
	delete(b.after, wholeClient)
}

// forgiveClient forgets that the client was rejected, for all sessions.
func (b *backoffs) forgiveClient() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, last := range b.after {
		if errors.Is(last.cause, ErrClientMisconfigured) {
			delete(b.after, key)
		}
	}
}
