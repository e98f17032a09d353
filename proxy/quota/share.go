package quota

import "time"

// overShareLocked tells whether a session has used up its share.
func (l *Limiter) overShareLocked(turn Turn) bool {
	if turn.Session == "" || l.config.Calls == 0 {
		return false
	}
	calls := l.elsewhere[shortName(turn.Session)]
	if mine := l.session[turn.Session]; mine != nil {
		calls += mine.count(l.options.Now())
	}
	return float64(calls) >= l.shareLocked()
}

func (l *Limiter) shareLocked() float64 { return max(1, l.config.UserShare*float64(l.config.Calls)) }

// othersLocked tells whether other sessions have called in the window that have not used up their share.
func (l *Limiter) othersLocked(turn Turn) bool {
	now := l.options.Now()
	for session, calls := range l.session {
		n := calls.count(now)
		if session != turn.Session && n > 0 && float64(n+l.elsewhere[shortName(session)]) < l.shareLocked() {
			return true
		}
	}
	return l.others > 0
}

// heavyLocked are the sessions with many calls here, and how many others have called.
func (l *Limiter) heavyLocked(now time.Time) (heavy map[string]int, others int) {
	many := max(1, l.partOf(1)*l.shareLocked()/2)
	for session, calls := range l.session {
		switch n := calls.count(now); {
		case float64(n) >= many && len(heavy) < mostHeavy:
			if heavy == nil {
				heavy = map[string]int{}
			}
			heavy[shortName(session)] = n
		case n > 0:
			others++
		}
	}
	return heavy, others
}

// shortName names a session in what the replicas send each other.
func shortName(session string) string { return session[:min(len(session), 12)] }
