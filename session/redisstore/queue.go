package redisstore

import (
	"context"
	"errors"
	"runtime"
	"time"

	"sync/atomic"
)

const (
	// commandsPerProcessor is how many commands a replica has under way at a time for each processor: enough to keep a Redis
	// busy that is a millisecond away.
	commandsPerProcessor = 10
	// unqueuedConnections are for operators' scans, which use a connection without a slot of the queue.
	unqueuedConnections = 4
	// queuePatience is how many timeouts of a command one may wait for its slot, as long as others are answered.
	queuePatience = 2
)

// errQueueFull is why a command was not sent.
var errQueueFull = errors.New("too many commands wait for Redis")

// commandQueue lets as many commands at a time be sent as there are connections. The others wait in the order in which they
// came: a burst takes longer, and no command in it or behind it fails. The timeout of a command begins with its slot, so that
// a wait for other commands never looks like a Redis that does not answer, and costs no connection.
type commandQueue struct {
	slots    chan struct{}
	timeout  time.Duration
	answered atomic.Pointer[time.Time] // when a command last had an answer; not a number: only a time.Time is monotonic
}

func newCommandQueue(slots int, timeout time.Duration) *commandQueue {
	return &commandQueue{slots: make(chan struct{}, slots), timeout: timeout}
}

// commandSlots is how many commands may be under way with so many servers.
func commandSlots(servers int) int { return commandsPerProcessor * runtime.GOMAXPROCS(0) * servers }

// enter waits for a slot, which leave returns. It answers errQueueFull after queuePatience, or sooner when Redis has
// answered no command for as long as one may take.
func (q *commandQueue) enter(ctx context.Context) error {
	select {
	case q.slots <- struct{}{}:
		return nil
	default:
	}
	begun := time.Now()
	timer := time.NewTimer(q.timeout)
	defer timer.Stop()
	for {
		select {
		case q.slots <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case now := <-timer.C:
			left := min(queuePatience*q.timeout-now.Sub(begun), q.timeout-q.silence(now))
			if left <= 0 {
				return errQueueFull
			}
			timer.Reset(left)
		}
	}
}

// silence is how long Redis has answered no command.
func (q *commandQueue) silence(now time.Time) time.Duration {
	answered := q.answered.Load()
	if answered == nil {
		return q.timeout
	}
	return now.Sub(*answered)
}

// leave returns the slot, and remembers when Redis has answered.
func (q *commandQueue) leave(answered bool) {
	<-q.slots
	if answered && len(q.slots) > cap(q.slots)/2 { // else no command waits, and silence is not read
		now := time.Now()
		q.answered.Store(&now)
	}
}
