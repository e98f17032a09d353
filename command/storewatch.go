package command

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// storeLook is how often the gateway looks whether its store does what a login, a refresh and a logout need.
	storeLook = 5 * time.Second
	// storeLookAgain is when a second look confirms the first that failed: one slow answer is no outage.
	storeLookAgain = time.Second
	// storeLookTime bounds one look.
	storeLookTime = 2 * time.Second
)

// storeReadiness is what one look has found: a problem, because of which nobody can log in, or a remark, with which everybody
// can but the operator should do something. Both empty: all is well.
type storeReadiness struct{ problem, remark string }

// storeWatch looks at the store as long as the gateway runs, so that a loss is told although no request comes: a load balancer
// that obeys /readyz sends none. The log has one line at the start or at the loss, with what to do, one when something else is
// wrong, and one when all is well again.
type storeWatch struct {
	look func(ctx context.Context) storeReadiness
	// report gets the outcome of every look.
	report func(storeReadiness)
	log    *zap.Logger
}

// run looks until ctx ends.
func (w *storeWatch) run(ctx context.Context) {
	var said storeReadiness
	confirmed := true // the first look needs no second: what is wrong at the start is told at once
	for wait := time.Duration(0); pauseFor(ctx, wait); {
		bounded, cancel := context.WithTimeout(ctx, storeLookTime)
		now := w.look(bounded)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if now.problem != "" && said.problem == "" && !confirmed {
			confirmed, wait = true, storeLookAgain
			continue
		}
		w.report(now)
		w.say(said, now)
		said, confirmed, wait = now, false, storeLook
	}
}

// say writes what has changed.
func (w *storeWatch) say(last, now storeReadiness) {
	switch {
	case now == last:
	case now.problem != "":
		w.log.Error(now.problem)
	case last.problem != "":
		w.log.Info("the session store is ready again")
		fallthrough
	default:
		if now.remark != last.remark && now.remark != "" {
			w.log.Warn(now.remark)
		}
	}
}

// pauseFor waits, and tells whether ctx goes on.
func pauseFor(ctx context.Context, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
