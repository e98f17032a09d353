package simulator

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Seen is a request as it arrived on the accounts or the API side.
type Seen struct {
	// Number counts from 1; Reset and ForgetSeen do not begin again.
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	Side   Side      `json:"side"`
	Method string    `json:"method"`
	// Target is the raw request target.
	Target string `json:"target"`
	Host   string `json:"host"`
	Proto  string `json:"proto"`
	// Header holds every header but Host, which net/http keeps apart.
	Header http.Header `json:"header"`
	// ContentLength is what the request declared: -1 for chunked, and 0 also when it said nothing.
	ContentLength int64 `json:"content_length"`
	// Body holds the first 4 KiB of the body; BodySize and BodySHA256 (hex; empty for an empty body) are of the whole.
	Body       string `json:"body,omitempty"`
	BodySize   int    `json:"body_size"`
	BodySHA256 string `json:"body_sha256,omitempty"`
	// Token labels the access token of an API call, or the refresh token or code of a token call, such as
	// "ada/access/3": user, kind and number. It is empty for none or an unknown one.
	Token string `json:"token,omitempty"`
	// Client is the client id to which an API call's token was given; empty for an unknown one.
	Client string `json:"client,omitempty"`
	// Grant is the grant_type of a token call.
	Grant string `json:"grant,omitempty"`
	// Outcome is what a token call came to; see Counts.Refresh.
	Outcome string `json:"outcome,omitempty"`
	// Fault names the fault that met the request.
	Fault string `json:"fault,omitempty"`
	// Done tells that the simulator has an answer, or cuts the connection; a test that has read an answer finds it done.
	// Status is what it answered, 0 for a connection that it cut.
	Done   bool `json:"done"`
	Status int  `json:"status"`
}

// Counts is what the simulator has counted since New, Reset or ForgetSeen.
type Counts struct {
	// API and Authorize count requests by side, faulty ones included.
	API       int `json:"api"`
	Authorize int `json:"authorize"`
	// TokenCalls counts calls of the token endpoint by grant_type as sent; "" is a call without one.
	TokenCalls map[string]int `json:"token_calls"`
	// Refresh counts answered refresh calls by what happened to the refresh token: kept, rotated, emptied (kept, and
	// the answer held an empty string), revoked, expired, invalid, refused (any other error), or untouched when a
	// fault answered in the simulator's place. A call that was carried out counts by its effect even when a fault
	// replaced the answer.
	Refresh map[string]int `json:"refresh"`
	// RefreshTokens counts refresh calls by the label of the token that they presented: above 1 under rotation, a
	// client sent a token twice.
	RefreshTokens map[string]int `json:"refresh_tokens"`
}

// journal remembers what was seen.
type journal struct {
	limit int

	mu      sync.Mutex // guards what follows
	number  int
	entries []*Seen
	counts  Counts
	changed chan struct{} // closed and replaced at every change
}

func newJournal(limit int) *journal {
	j := &journal{limit: limit, changed: make(chan struct{})}
	j.forget()
	return j
}

func (j *journal) begin(seen *Seen) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.number++
	seen.Number = j.number
	if len(j.entries) >= j.limit {
		j.entries = append(j.entries[:0:0], j.entries[len(j.entries)-j.limit/2:]...)
	}
	j.entries = append(j.entries, seen)
	path := Match{Path: "/authorize", Exact: true}
	switch {
	case seen.Side == SideAPI:
		j.counts.API++
	case path.selectsPath(seen.Target):
		j.counts.Authorize++
	default:
		j.counts.TokenCalls[seen.Grant]++
		if seen.Grant == grantRefresh && seen.Token != "" {
			j.counts.RefreshTokens[seen.Token]++
		}
	}
	j.announceLocked()
}

// finish records the end of a request and returns its final form.
func (j *journal) finish(seen *Seen, status int, outcome, fault string) Seen {
	j.mu.Lock()
	defer j.mu.Unlock()
	seen.Done, seen.Status, seen.Outcome, seen.Fault = true, status, outcome, fault
	if seen.Grant == grantRefresh && seen.Side == SideAccounts {
		j.counts.Refresh[outcome]++
	}
	j.announceLocked()
	return *seen
}

func (j *journal) announceLocked() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *journal) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
	j.counts = Counts{TokenCalls: map[string]int{}, Refresh: map[string]int{}, RefreshTokens: map[string]int{}}
}

// list returns what the filter selects, oldest first, and a channel that is closed at the next change.
func (j *journal) list(f Filter) ([]Seen, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := []Seen{}
	for _, seen := range j.entries {
		if seen.Number > f.After && (seen.Done || !f.Done) && f.Match.selects(seen) {
			found = append(found, *seen)
		}
	}
	return found, j.changed
}

// Filter selects requests of the log.
type Filter struct {
	Match
	// After leaves out the requests up to this Number.
	After int
	// Done leaves out the requests that are still under way.
	Done bool
}

// Seen returns the requests that the filter selects, oldest first. Their headers must not be changed.
func (s *Server) Seen(f Filter) []Seen {
	found, _ := s.journal.list(f)
	return found
}

// AwaitSeen waits until the filter selects at least n requests, and returns them. When ctx ends first, it returns what
// there is and the cause. A request is seen once its body has arrived, before any fault delays it.
func (s *Server) AwaitSeen(ctx context.Context, f Filter, n int) ([]Seen, error) {
	for {
		found, changed := s.journal.list(f)
		if len(found) >= n {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, context.Cause(ctx)
		}
	}
}

// ForgetSeen empties the log and sets the counts to zero.
func (s *Server) ForgetSeen() { s.journal.forget() }

// Counts returns a copy of the counts.
func (s *Server) Counts() Counts {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	c := s.journal.counts
	c.TokenCalls, c.Refresh, c.RefreshTokens = maps.Clone(c.TokenCalls), maps.Clone(c.Refresh), maps.Clone(c.RefreshTokens)
	return c
}
