package metrics

import (
	"slices"
	"sync"
	"time"
)

// maxFailures is how many kinds of failures are remembered.
const maxFailures = 20

// Failure is one kind of answer that an operator should know of, and when it was given. It identifies no user: there is neither
// a path nor a user in it.
type Failure struct {
	// Reason is of package httperror, or a few words where there is none.
	Reason string
	// Route is the route's prefix, Status what was answered.
	Route  string
	Status int
	// Times counts the answers since First.
	Times       int
	First, Last time.Time
	// RequestID is the last one's: its line in the log says more.
	RequestID string
}

// failures are the kinds that happened last. One that repeats itself a thousand times in an outage is one entry, so that
// it does not hide the first cause.
type failures struct {
	mu    sync.Mutex // guards kinds
	kinds []Failure  // the one that happened last comes last
}

// Rejected remembers an answer that the gateway made itself, or broke off, because something is wrong.
func (m *Metrics) Rejected(reason, route string, status int, requestID string) {
	m.failures.add(Failure{Reason: reason, Route: route, Status: status, RequestID: requestID}, time.Now())
}

// Failures returns the kinds of failures that happened last, the youngest first.
func (m *Metrics) Failures() []Failure { return m.failures.all() }

func (f *failures) add(failure Failure, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	failure.First = now
	i := slices.IndexFunc(f.kinds, func(k Failure) bool {
		return k.Reason == failure.Reason && k.Route == failure.Route && k.Status == failure.Status
	})
	switch {
	case i >= 0:
		failure.First, failure.Times = f.kinds[i].First, f.kinds[i].Times
		f.kinds = slices.Delete(f.kinds, i, i+1)
	case len(f.kinds) == maxFailures:
		f.kinds = slices.Delete(f.kinds, 0, 1)
	}
	failure.Times++
	failure.Last = now
	f.kinds = append(f.kinds, failure)
}

func (f *failures) all() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.kinds)
	slices.Reverse(all)
	return all
}
