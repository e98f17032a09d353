package metrics

import (
	"sync"
	"time"

	"stagedoor/internal/outcome"
)

// Health is how something that the gateway depends on was last seen.
type Health struct {
	// Worked and Failed are when it last did; zero means never. Success is recorded of the token endpoint only.
	Worked, Failed time.Time
	// Why is a few words about the last failure: no text of another party's.
	Why string
}

// Failing tells whether its last known result is a failure.
func (h Health) Failing() bool { return h.Failed.After(h.Worked) }

// health is a Health that changes.
type health struct {
	mu   sync.Mutex // guards last
	last Health
}

func (h *health) worked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last.Worked = time.Now()
}

func (h *health) failed(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last.Failed, h.last.Why = time.Now(), why
}

func (h *health) get() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// StoreHealth tells of the session store's last failure.
func (m *Metrics) StoreHealth() Health { return m.store.get() }

// TokenHealth tells how the token endpoint was seen by refreshes. Why is a result of Refreshed.
func (m *Metrics) TokenHealth() Health { return m.tokens.get() }

// observeTokens records what a refresh shows about the token endpoint: a grant that has ended is an answer.
func (m *Metrics) observeTokens(result outcome.Refresh) {
	switch result {
	case outcome.RefreshUnavailable, outcome.RefreshMisconfigured:
		m.tokens.failed(result.String())
	default:
		m.tokens.worked()
	}
}
