package live

import (
	"sync"
	"time"

	"stagedoor/internal/outcome"
)

// Listener is one stream of a topic. It buffers the newest state and the newest other event, so that a slow reader loses
// events, but never the newest state. Between two events it has no goroutine that waits for the next, because a stack costs
// more than all that is here: whatever pushes an event starts a goroutine that writes until nothing is left.
type Listener struct {
	topic  *topic
	route  string // see Subscription
	opened int64  // Unix nanoseconds
	known  mark   // of the last state that the reader has seen; guarded by topic.mu

	mu      sync.Mutex // guards what follows
	opening bool       // the begin of the stream is not sent yet
	state   *event     // not sent yet
	delayed *event     // not sent yet
	quiet   bool       // a comment is due
	last    *event     // ends the stream when it is sent; nil while it goes on
	drained bool       // the stream ends without an event, and its reader shall come back
	gone    bool       // the reader has left
	out     output     // nil until the stream has begun
	timer   *time.Timer
	writing bool // a goroutine writes
	over    bool // the stream has ended
	result  Result
	ended   func(Result)
}

// Result is what became of a stream.
type Result struct {
	Events int   // that were written
	Bytes  int64 // of the stream, without its framing
	Err    error // of the write that failed; nil when the stream ended otherwise
}

// output is where a stream goes. Write is not called by two goroutines at a time.
type output interface {
	write(p piece) error
	// end is called once, after the last write; complete says that the stream did not break off.
	end(complete bool)
	// cut makes a write that waits for the reader fail. It may be called at any time.
	cut()
}

func newListener(t *topic, route string) *Listener {
	return &Listener{topic: t, route: route, opened: time.Now().UnixNano()}
}

// begin starts the stream. ended is called when it is over.
func (l *Listener) begin(out output, ended func(Result)) {
	l.topic.hub.begun(l)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out, l.opening, l.ended = out, true, ended
	l.timer = time.AfterFunc(commentEvery, l.comment)
	l.wakeLocked()
}

// leave ends the stream because its reader has left, or has to.
func (l *Listener) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	l.out.cut()
	l.wakeLocked()
}

// push buffers an event, in place of an older one of its name. After the last event it ignores others.
func (l *Listener) push(e *event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil || l.drained || l.gone {
		return
	}
	switch e.name {
	case outcome.EventState:
		l.state, l.delayed = e, nil // what was delayed is here
	case outcome.EventDelayed:
		l.delayed = e
	default:
		l.state, l.delayed, l.last = nil, nil, e
	}
	l.wakeLocked()
}

// drain ends the stream so that its reader comes back.
func (l *Listener) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = true
	l.wakeLocked()
}

// comment has a comment written, because nothing else was for a while.
func (l *Listener) comment() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = true
	l.wakeLocked()
}

// wakeLocked starts the goroutine that writes, unless one does.
func (l *Listener) wakeLocked() {
	if l.out != nil && !l.writing && !l.over {
		l.writing = true
		go l.write()
	}
}

// write writes what is buffered, until nothing is left or the stream is over.
func (l *Listener) write() {
	for {
		pieces, events, over := l.take()
		if len(pieces) == 0 && !over {
			return
		}
		for _, p := range pieces {
			if err := l.out.write(p); err != nil {
				l.finish(err)
				return
			}
			l.result.Bytes += int64(len(p.text))
		}
		for _, e := range events {
			l.result.Events++
			l.topic.hub.options.Metrics.Event(e.name)
		}
		if over {
			l.finish(nil)
			return
		}
		l.timer.Reset(commentEvery)
	}
}

// take returns what there is to write, in its order, the events among it, and whether the stream ends with it. When there is
// nothing, no goroutine writes from then on.
func (l *Listener) take() (pieces []piece, events []*event, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return nil, nil, true
	}
	if l.opening {
		pieces = append(pieces, opening)
	}
	for _, e := range []*event{l.state, l.delayed, l.last} {
		if e != nil {
			events, pieces = append(events, e), append(pieces, e.piece)
		}
	}
	switch {
	case l.drained:
		pieces = append(pieces, newPiece(Farewell()))
	case l.quiet && len(pieces) == 0:
		pieces = append(pieces, comment)
	}
	over = l.drained || l.last != nil
	l.opening, l.state, l.delayed, l.quiet = false, nil, nil, false
	l.writing = len(pieces) > 0 || over
	return pieces, events, over
}

// finish ends the stream. Only the goroutine that writes calls it, once.
func (l *Listener) finish(err error) {
	l.mu.Lock()
	l.over, l.writing = true, false
	l.timer.Stop()
	gone := l.gone
	l.mu.Unlock()
	l.topic.hub.leave(l)
	l.out.end(err == nil && !gone)
	if !gone { // else the write failed because the reader has left
		l.result.Err = err
	}
	l.ended(l.result)
	l.topic.hub.finished(l)
}
