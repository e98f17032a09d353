package gateway

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// storeCheckEvery is how often the gateway checks that its store does what a login, a refresh and a logout need.
	storeCheckEvery = 5 * time.Second
	// storeRecheck is when a second check confirms the first that failed: one slow answer is not an outage.
	storeRecheck = time.Second
	// storeCheckTimeout bounds one check.
	storeCheckTimeout = 2 * time.Second
)

// storeReadiness is the result of one check: a problem, with which no session is served, or a remark when sessions are served but
// logins fail. Both are empty when all is well.
type storeReadiness struct{ problem, remark string }

// storeWatch checks the store as long as the gateway runs, so that a loss is logged although no request comes: a load balancer
// that obeys /readyz sends none. The log has one line at the start or at the loss, with what to do, one when something else is
// wrong, and one when all is well again.
type storeWatch struct {
	check func(ctx context.Context) storeReadiness
	// report gets the outcome of every check.
	report func(storeReadiness)
	log    *zap.Logger
}

// run checks until ctx ends.
func (w *storeWatch) run(ctx context.Context) {
	var said storeReadiness
	confirmed := true // the first check needs no second: what is wrong at the start is logged at once
	for wait := time.Duration(0); sleep(ctx, wait); {
		bounded, cancel := context.WithTimeout(ctx, storeCheckTimeout)
		now := w.check(bounded)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if now.problem != "" && said.problem == "" && !confirmed {
			confirmed, wait = true, storeRecheck
			continue
		}
		w.report(now)
		w.say(said, now)
		said, confirmed, wait = now, false, storeCheckEvery
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

// sleep waits, and tells whether ctx goes on.
func sleep(ctx context.Context, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
