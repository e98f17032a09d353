package logging

import (
	"io"
	"sync"
	"time"
)

// lineKind says whether the log may drop a line when its writer stalls.
type lineKind int

const (
	ordinaryLine lineKind = iota // access lines and news: dropped when their buffer is full
	warningLine                  // warnings and errors: the same, in a buffer that access lines cannot fill
	auditLine                    // never dropped
)

// bufferSize is how many bytes of each kind wait for the writer at most. At most as much again is on its way to it. Audit lines
// need it for some 50,000.
var bufferSize = [...]int{ordinaryLine: 512 << 10, warningLine: 512 << 10, auditLine: 16 << 20}

const (
	// delay is how long an ordinary line waits for others, so that a busy gateway writes many at once.
	delay = 20 * time.Millisecond
	// batch is how many bytes of lines do not wait any longer.
	batch = 64 << 10
	// retry is the time between two attempts after a write that failed, such as on a full disk.
	retry = time.Second
)

// queue carries log lines to a writer that may stall, such as a pipe that is not read: the goroutines that log do
// not wait for it. When the buffer of their kind is full, lines are dropped and counted. Only an audit line waits
// instead, because its action must not be done without a record.
//
// It is safe for concurrent use. Close ends its goroutine.
type queue struct {
	to      io.Writer
	summary func(dropped int) []byte // the line that tells of dropped lines; nil for none

	some chan struct{} // there is a line
	now  chan struct{} // there is a line that must not wait for others
	end  chan struct{} // closed by close
	done chan struct{} // closed when nothing is left to write

	mu         sync.Mutex // guards what follows
	notFull    *sync.Cond // audit lines wait on it
	waiting    []byte
	size       [len(bufferSize)]int // bytes in waiting, by kind
	dropped    int                  // lines, in all
	unreported int                  // lines, since the writer was told the last time
	ended      bool
}

// newQueue starts a queue in front of a writer.
func newQueue(to io.Writer, summary func(dropped int) []byte) *queue {
	q := &queue{
		to: to, summary: summary, some: make(chan struct{}, 1), now: make(chan struct{}, 1),
		end: make(chan struct{}), done: make(chan struct{}),
	}
	q.notFull = sync.NewCond(&q.mu)
	go q.run()
	return q
}

// add takes a copy of a line, which ends with a line feed.
func (q *queue) add(kind lineKind, line []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for kind == auditLine && q.size[kind]+len(line) > bufferSize[kind] && !q.ended {
		q.notFull.Wait()
	}
	if q.ended || q.size[kind]+len(line) > bufferSize[kind] {
		q.dropped++
		q.unreported++
		return
	}
	q.waiting = append(q.waiting, line...)
	q.size[kind] += len(line)
	if kind == ordinaryLine && len(q.waiting) < batch {
		signalOnce(q.some)
	} else {
		signalOnce(q.now)
	}
}

func signalOnce(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // the last signal has not been received yet
	}
}

// run writes until the queue is closed and empty.
func (q *queue) run() {
	defer close(q.done)
	var written []byte // its memory is used again
	for {
		ending := q.waitForLines()
		lines := q.take(written)
		if len(lines) == 0 && ending {
			return
		}
		q.write(lines)
		written = lines
	}
}

// waitForLines returns when something is to be written, or the queue is closed, which it tells.
func (q *queue) waitForLines() (ending bool) {
	select {
	case <-q.end:
		return true
	case <-q.now:
		return false
	case <-q.some:
	}
	delay := time.NewTimer(delay)
	defer delay.Stop()
	select {
	case <-q.end:
		return true
	case <-q.now:
	case <-delay.C:
	}
	return false
}

// take returns the waiting lines and leaves a buffer in their place.
func (q *queue) take(buffer []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines := q.waiting
	q.waiting, q.size = buffer[:0], [len(bufferSize)]int{}
	if cap(q.waiting) > 4*batch {
		q.waiting = nil // a burst's memory is given back
	}
	if q.unreported > 0 && q.summary != nil {
		lines = append(lines, q.summary(q.unreported)...)
		q.unreported = 0
	}
	q.notFull.Broadcast()
	return lines
}

// write returns when all lines are written, or when writing fails and the queue is closed.
func (q *queue) write(lines []byte) {
	for len(lines) > 0 {
		n, err := q.to.Write(lines)
		lines = lines[n:]
		if err == nil {
			continue
		}
		select {
		case <-q.end:
			return
		case <-time.After(retry):
		}
	}
}

// close writes what waits, for at most so long: with a writer that stalls, the rest is lost. Lines that are added from
// now on may be lost, too, and audit lines do not wait for the buffer any more.
func (q *queue) close(limit time.Duration) {
	q.mu.Lock()
	if !q.ended {
		q.ended = true
		close(q.end)
	}
	q.notFull.Broadcast()
	q.mu.Unlock()
	select {
	case <-q.done:
	case <-time.After(limit):
	}
}

// state is what an operator should know of a log.
type state struct {
	dropped  int  // lines, since the start
	dropping bool // the writer has not taken what waited since the last line was dropped
	full     bool // audit lines wait for their buffer
	waiting  int  // bytes
}

func (q *queue) state() state {
	q.mu.Lock()
	defer q.mu.Unlock()
	return state{
		dropped: q.dropped, dropping: q.unreported > 0, waiting: len(q.waiting),
		full: q.size[auditLine] > bufferSize[auditLine]-batch,
	}
}
