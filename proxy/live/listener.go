package live

import (
	"sync"

	"stagedoor/internal/outcome"
)

// Listener is one stream of a topic. It buffers the newest state and the newest other event, so that a slow reader loses
// events, but never the newest state. It is used by one goroutine.
type Listener struct {
	topic *topic
	route string        // see Subscription
	ready chan struct{} // has a token when there is something to take
	known mark          // of the last state that the reader has seen; guarded by topic.mu

	mu      sync.Mutex // guards what follows
	state   *event     // not sent yet
	delayed *event     // not sent yet
	last    *event     // ends the stream when it is sent; nil while it goes on
	drained bool       // the stream ends without an event, and its reader shall come back
}

func newListener(t *topic, route string) *Listener {
	return &Listener{topic: t, route: route, ready: make(chan struct{}, 1)}
}

// Ready has a token when there is something to take.
func (l *Listener) Ready() <-chan struct{} { return l.ready }

// Close ends the listening. It may be called more than once.
func (l *Listener) Close() { l.topic.hub.leave(l) }

// take returns what there is to write, in its order, and whether the stream ends with it.
func (l *Listener) take() (events []*event, drained, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range []*event{l.state, l.delayed, l.last} {
		if e != nil {
			events = append(events, e)
		}
	}
	l.state, l.delayed = nil, nil
	return events, l.drained, l.drained || l.last != nil
}

// push buffers an event, in place of an older one of its name. After the last event it ignores others.
func (l *Listener) push(e *event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil || l.drained {
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
	l.wake()
}

// drain ends the stream so that its reader comes back.
func (l *Listener) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = true
	l.wake()
}

func (l *Listener) wake() {
	select {
	case l.ready <- struct{}{}:
	default:
	}
}
