package redisstore

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// commandsPerProcessor is how many commands a replica has under way at a time for each processor: enough to keep a Redis
	// busy that is a millisecond away.
	commandsPerProcessor = 10
	// unqueuedConnections are for operators' scans, which use a connection without a slot of the queue.
	unqueuedConnections = 4
	// queuePatience is how many timeouts of a command one may wait for its slot, as long as others are answered: long enough for
	// the thousands that come back at once after a restart, on a machine that has much else to do.
	queuePatience = 10
)

// errQueueFull is why a command was not sent.
var errQueueFull = errors.New("too many commands wait for Redis")

// commandQueue lets as many commands at a time be sent as there are connections. The others wait in the order in which they
// came: a burst takes longer, and no command in it or behind it fails. The timeout of a command begins with its slot, so that
// a wait for other commands never looks like a Redis that does not answer, and costs no connection.
type commandQueue struct {
	slots   chan struct{}
	timeout time.Duration

	mu         sync.Mutex    // guards what follows
	unanswered int           // commands since the last answer
	silence    chan struct{} // closed while as many in a row were unanswered as there are slots
}

func newCommandQueue(slots int, timeout time.Duration) *commandQueue {
	return &commandQueue{slots: make(chan struct{}, slots), timeout: timeout, silence: make(chan struct{})}
}

// commandSlots is how many commands may be under way with so many servers.
func commandSlots(servers int) int { return commandsPerProcessor * runtime.GOMAXPROCS(0) * servers }

// enter waits for a slot, which leave returns. It answers errQueueFull after queuePatience, or as soon as Redis is silent. Time
// alone does not tell that: a process that gets no processor for a while hears nothing, and finds the answers when it goes on.
func (q *commandQueue) enter(ctx context.Context) error {
	select {
	case q.slots <- struct{}{}:
		return nil
	default:
	}
	q.mu.Lock()
	silence := q.silence
	q.mu.Unlock()
	timer := time.NewTimer(queuePatience * q.timeout)
	defer timer.Stop()
	select { // only once: another try would go behind the others
	case q.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-silence:
		return errQueueFull
	case <-timer.C:
		return errQueueFull
	}
}

// ending is how a command ended.
type ending int

const (
	answered   ending = iota // by Redis
	unanswered               // until its timeout, or the connection broke
	abandoned                // by its caller
)

// endingOf is that of a command on behalf of a caller with a context, and its error.
func endingOf(ctx context.Context, err error) ending {
	var rejection redis.Error
	switch {
	case err == nil, errors.As(err, &rejection):
		return answered
	case ctx.Err() != nil:
		return abandoned
	default:
		return unanswered
	}
}

// leave returns the slot.
func (q *commandQueue) leave(how ending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch how {
	case unanswered:
		q.unanswered++
		if q.unanswered == cap(q.slots) {
			close(q.silence)
		}
	case answered:
		if q.unanswered >= cap(q.slots) {
			q.silence = make(chan struct{})
		}
		q.unanswered = 0
	case abandoned:
	}
	<-q.slots
}
