package metrics

import (
	"slices"
	"sync"
	"time"
)

// maxFaults is how many kinds of faults are remembered.
const maxFaults = 20

// Fault is one kind of answer that an operator should know of, and when it was given. It tells of nobody: there is neither
// a path nor a user in it.
type Fault struct {
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

// faults are the kinds that happened last. One that repeats itself a thousand times in an outage takes one place, so that
// it does not hide what began the trouble.
type faults struct {
	mu    sync.Mutex // guards kinds
	kinds []Fault    // the one that happened last comes last
}

// Rejected remembers an answer that the gateway made itself, or broke off, because something is wrong.
func (m *Metrics) Rejected(reason, route string, status int, requestID string) {
	m.faults.add(Fault{Reason: reason, Route: route, Status: status, RequestID: requestID}, time.Now())
}

// Faults returns the kinds of faults that happened last, the youngest first.
func (m *Metrics) Faults() []Fault { return m.faults.all() }

func (f *faults) add(fault Fault, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault.First = now
	i := slices.IndexFunc(f.kinds, func(k Fault) bool {
		return k.Reason == fault.Reason && k.Route == fault.Route && k.Status == fault.Status
	})
	switch {
	case i >= 0:
		fault.First, fault.Times = f.kinds[i].First, f.kinds[i].Times
		f.kinds = slices.Delete(f.kinds, i, i+1)
	case len(f.kinds) == maxFaults:
		f.kinds = slices.Delete(f.kinds, 0, 1)
	}
	fault.Times++
	fault.Last = now
	f.kinds = append(f.kinds, fault)
}

func (f *faults) all() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.kinds)
	slices.Reverse(all)
	return all
}
