package live

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"

	"stagedoor/internal/outcome"
)

// askNews asks the replica that polls for the state.
const askNews = "ask"

// topic is one path on behalf of one session or account, with the listeners of this replica.
type topic struct {
	hub       *Hub
	id, owner string
	holder    string // names this topic among those of the replicas
	source    Source
	cancel    context.CancelFunc // of the poller
	linger    *time.Timer        // removes a topic without listeners; guarded by Hub.mu
	signal    chan struct{}      // has a token when there is something new for the poller

	mu        sync.Mutex // guards what follows
	listeners map[*Listener]bool
	state     *state // as it was sent last; nil until it is known
	delayed   *event // what was said since; nil when nothing is wrong
	over      bool
	commanded time.Time // of the first command that no poll has followed; zero for none
	changed   bool      // the owner's record may have
	asked     bool      // another replica wants the state
	missed    bool      // news of it may have been
}

func newTopic(h *Hub, id, owner string, source Source) *topic {
	t := &topic{
		hub: h, id: id, owner: owner, source: source, holder: rand.Text(), signal: make(chan struct{}, 1), listeners: map[*Listener]bool{},
	}
	t.linger = time.AfterFunc(lingerTime, func() { h.dismiss(t) })
	t.linger.Stop()
	return t
}

// join adds a listener, which gets what is known at once, unless it knows it.
func (t *topic) join(l *Listener, known mark) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listeners[l] = true
	if t.state != nil && !t.state.mark.same(known) {
		l.push(t.state.eventLater(time.Now()))
	}
	if t.delayed != nil {
		l.push(t.delayed)
	}
	l.known = known
	t.wakeLocked()
}

// leave removes a listener, and tells how many are left and whether it was there.
func (t *topic) leave(l *Listener) (left int, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found = t.listeners[l]
	delete(t.listeners, l)
	return len(t.listeners), found
}

func (t *topic) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.listeners)
}

func (t *topic) list() []*Listener {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Listener, 0, len(t.listeners))
	for l := range t.listeners {
		list = append(list, l)
	}
	return list
}

func (t *topic) wakeLocked() {
	select {
	case t.signal <- struct{}{}:
	default:
	}
}

// apply stores a state and tells whether listeners got it: because it is another one, or because they had been told that it
// is delayed.
func (t *topic) apply(s *state) (changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	first := t.state == nil
	if !first && t.delayed == nil && t.state.mark.same(s.mark) {
		return false
	}
	wasDelayed := t.delayed != nil
	t.state, t.delayed = s, nil
	e := s.event()
	for l := range t.listeners {
		if first && !wasDelayed && l.known.same(s.mark) {
			continue // it came with a Last-Event-ID that is still so
		}
		l.push(e)
	}
	return true
}

// delay tells the listeners why there is no answer, once until there is one. It tells whether it did.
func (t *topic) delay(data []byte) (told bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.delayed != nil {
		return false
	}
	t.delayed = newEvent(outcome.EventDelayed, "", data)
	for l := range t.listeners {
		l.push(t.delayed)
	}
	return true
}

// recover takes back what delay has said, when it was about this replica alone.
func (t *topic) recover() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.delayed == nil || t.state == nil || t.over {
		return
	}
	t.delayed = nil
	e := t.state.eventLater(time.Now())
	for l := range t.listeners {
		l.push(e)
	}
}

// finish sends all listeners their last event.
func (t *topic) finish(last *event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	for l := range t.listeners {
		l.push(last)
	}
}

// command says that the owner has changed something.
func (t *topic) command() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.commanded.IsZero() {
		t.commanded = time.Now()
	}
	t.wakeLocked()
}

func (t *topic) recheck() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = true
	t.wakeLocked()
}

// forgetNews has the poller ask for the state again if another replica has it.
func (t *topic) forgetNews() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.missed = true
	t.wakeLocked()
}

// take returns a flag that others set for the poller, and clears it.
func (t *topic) take(flag *bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	set := *flag
	*flag = false
	return set
}

// news is what the replica that polls tells the others, sealed.
type news struct {
	From  string          `json:"from"`
	Event outcome.Event   `json:"event"`
	Data  json.RawMessage `json:"data"`
	At    int64           `json:"at,omitempty"`     // milliseconds: when a state was true
	Code  int             `json:"status,omitempty"` // of a failure
}

// tell sends news to the other replicas. One that does not hear it asks later, or polls.
func (t *topic) tell(ctx context.Context, n news) {
	if t.hub.options.Tell == nil {
		return
	}
	plain, err := json.Marshal(n)
	if err != nil { // the data is JSON
		return
	}
	sealed, err := t.source.Seal(plain)
	if err != nil {
		return
	}
	_ = t.hub.options.Tell(ctx, newsPrefix+t.id+" "+string(sealed))
}

// ask has the replica that polls tell the state.
func (t *topic) ask(ctx context.Context) {
	if t.hub.options.Tell != nil {
		_ = t.hub.options.Tell(ctx, newsPrefix+t.id+" "+askNews)
	}
}

// heard takes in what another replica has told, or this one.
func (t *topic) heard(message string) {
	if message == askNews {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.asked = true
		t.wakeLocked()
		return
	}
	plain, err := t.source.Open([]byte(message))
	if err != nil {
		return // not ours, or changed on its way
	}
	var n news
	if json.Unmarshal(plain, &n) != nil || n.From == t.holder {
		return
	}
	switch n.Event {
	case outcome.EventState:
		if s, err := parseState(n.Data, time.UnixMilli(n.At)); err == nil {
			t.apply(s)
		}
	case outcome.EventDelayed:
		t.delay(n.Data)
	case outcome.EventFailed, outcome.EventEnded:
		t.hub.end(t, &Problem{Event: n.Event, Status: n.Code, Body: n.Data})
	}
}
