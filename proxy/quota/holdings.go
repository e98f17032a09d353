package quota

import "time"

// holding is what one replica holds of the budget.
type holding struct {
	calls  int // that it holds
	spent  int // of them, those that counted when it drew
	serial int64
	drawn  time.Time
	until  time.Time // when its calls count no longer, unless it draws again
	gone   bool      // it makes no more
	hungry bool      // it holds less than an equal part, and got less than it wanted
	heavy  map[string]int
	others int
}

// holdings are what all replicas hold. Its rules are those of drawScript, which keeps them in Redis.
type holdings struct {
	since    time.Time // of the first draw; zero before it
	lost     bool      // the first replica that drew had drawn before
	replicas map[string]*holding
}

func newHoldings() holdings { return holdings{replicas: map[string]*holding{}} }

// draw takes in what a replica holds, and grants it more.
func (h *holdings) draw(d Draw, now time.Time) Grant {
	if h.since.IsZero() {
		h.since, h.lost = now, d.Replicas > 0
	}
	held, parts := 0, 1
	grant := Grant{Elsewhere: map[string]int{}}
	for name, r := range h.replicas {
		switch {
		case !now.Before(r.until):
			delete(h.replicas, name)
			continue
		case name == d.Replica:
			continue
		case !r.gone:
			parts++
		}
		held += r.calls
		grant.Spent += r.spent
		if now.Sub(r.drawn) <= d.Window {
			grant.Hungry = grant.Hungry || r.hungry
			grant.Others += r.others
			for session, calls := range r.heavy {
				grant.Elsewhere[session] += calls
			}
		}
	}
	grant.Replicas = parts
	free := d.Calls - held - d.Holds
	if mine := h.replicas[d.Replica]; mine != nil && mine.serial > d.Serial { // it comes late
		grant.Left = max(0, free)
		return grant
	}
	grant.Count = min(d.Want, free-d.Keep)
	if d.Cautious {
		grant.Count = min(grant.Count, d.Calls/max(parts, d.Replicas)-d.Holds)
	}
	if h.lost && now.Sub(h.since) < gatherTime { // those that have not drawn yet may hold all of it
		grant.Count = 0
	}
	grant.Count = max(0, grant.Count)
	grant.Left = max(0, free-grant.Count)
	lease := leaseTime(d.Window)
	if d.Leaving {
		lease = 0
	}
	h.replicas[d.Replica] = &holding{
		calls: d.Holds + grant.Count, spent: d.Spent, serial: d.Serial, drawn: now, until: now.Add(lease + d.Window + inFlight),
		gone: d.Leaving, hungry: !d.Idle && grant.Count < d.Want && d.Holds+grant.Count < d.Calls/parts, heavy: d.Heavy, others: d.Others,
	}
	return grant
}
