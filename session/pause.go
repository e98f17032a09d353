package session

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// The pause after a failed refresh doubles from one to the other. The first failure has none: the next request may
// already find the token endpoint well.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 15 * time.Second
	// longestRetryAfter bounds what the token endpoint may ask for.
	longestRetryAfter = 5 * time.Minute
	// maxPauses is how many sessions' failures are remembered before those that are over are forgotten.
	maxPauses = 10_000
)

// wholeClient stands for all sessions together where a pause is kept by session: Spotify refused the client itself.
const wholeClient = ""

// pauses remembers for which sessions a refresh failed, so that a sick token endpoint is not asked with every request.
// That Spotify refused the client is everybody's failure.
type pauses struct {
	mu    sync.Mutex // guards after
	after map[string]pause
}

type pause struct {
	failures int
	until    time.Time
	cause    error
}

func newPauses() *pauses { return &pauses{after: map[string]pause{}} }

// active returns why the last refresh failed while it is too early for another, and how long that lasts.
func (p *pauses) active(key string, now time.Time) (cause error, left time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range []string{key, wholeClient} {
		if known := p.after[key]; known.until.After(now) {
			return known.cause, known.until.Sub(now)
		}
	}
	return nil, 0
}

// failed begins a pause. The time that the server asked for wins when it is longer.
func (p *pauses) failed(key string, cause error, retryAfter time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(key, cause, retryAfter, now)
	if errors.Is(cause, ErrClientMisconfigured) {
		p.begin(wholeClient, cause, retryAfter, now)
	}
}

func (p *pauses) begin(key string, cause error, retryAfter time.Duration, now time.Time) {
	if len(p.after) >= maxPauses {
		for key, known := range p.after {
			if now.After(known.until) {
				delete(p.after, key)
			}
		}
	}
	failures := p.after[key].failures + 1
	length := time.Duration(0)
	if failures > 1 {
		length = min(firstPause<<min(failures-2, 10), maxPause)
		length = length/2 + rand.N(length) //nolint:gosec // G404: no secret; replicas shall not come back all at once
	}
	length = max(length, min(retryAfter, longestRetryAfter))
	p.after[key] = pause{failures: failures, until: now.Add(length), cause: cause}
}

// worked forgets the failures.
func (p *pauses) worked(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.after, key)
	delete(p.after, wholeClient)
}

// forgiveClient forgets that the client was refused, for all sessions.
func (p *pauses) forgiveClient() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, known := range p.after {
		if errors.Is(known.cause, ErrClientMisconfigured) {
			delete(p.after, key)
		}
	}
}
