package session

import (
	"sync/atomic"
	"time"
)

// outageCalm is how long after an outage of the store a replica begins no refresh. A replica that could not write its token
// may have lost its lease during the outage, and writes the token first.
const outageCalm = 4 * savePoll

// outage remembers when the store last did not answer. The zero value remembers no outage.
type outage struct {
	seen atomic.Pointer[time.Time] // not a number: only a time.Time follows no change of the machine's clock
}

// note records that the store has just not answered.
func (o *outage) note() {
	now := time.Now()
	o.seen.Store(&now)
}

// calm returns how much of outageCalm is left; zero or less when nothing is.
func (o *outage) calm() time.Duration {
	seen := o.seen.Load()
	if seen == nil {
		return 0
	}
	return outageCalm - time.Since(*seen)
}
