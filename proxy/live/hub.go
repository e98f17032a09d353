package live

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"stagedoor/internal/outcome"
)

const (
	// lingerTime is how long a topic stays when its last listener has left: a page that is loaded again finds it.
	lingerTime = 2 * time.Second
	// failedTime is how long a failed answer is remembered: a reader that comes back gets it again, without a poll.
	failedTime = 5 * time.Second
	// leastPace and paceBurst are how many topics may begin to poll at a time, and in a second, however few there are.
	leastPace = 100
	paceBurst = 50
)

var (
	// ErrOverloaded says that the replica has as many streams as it may have.
	ErrOverloaded = errors.New("there are too many streams")
	// ErrDraining says that the replica stops. The reader has to reconnect to another one; see Farewell.
	ErrDraining = errors.New("the replica stops")
)

// FailedError is what Spotify has just said to another listener that asked for the same.
type FailedError struct {
	Status int
	Body   []byte // error JSON
}

func (e *FailedError) Error() string { return fmt.Sprintf("Spotify answered %d just now", e.Status) }

// Options are what a Hub works with.
type Options struct {
	Config  Config
	Leases  Leases
	Metrics Metrics
	// Tell sends a text to the hubs of all replicas, which Heard takes; nil when there is only this one.
	Tell func(ctx context.Context, text string) error
}

// Hub has the topics of one replica. It is safe for concurrent use. Close it.
type Hub struct {
	options    Options
	name       string          // among the replicas
	ctx        context.Context //nolint:containedctx // of the pollers, which belong to no request
	stop       context.CancelFunc
	background sync.WaitGroup
	open       sync.WaitGroup // streams

	mu       sync.Mutex // guards what follows
	config   Config
	topics   map[string]*topic // by id
	owners   map[string]*owner
	failed   map[string]*FailedError // by a topic's id, for failedTime
	streams  int
	running  map[*Listener]bool // streams, also those that only have to write their last event
	draining bool
	newsLost bool      // no news comes at present
	lost     time.Time // when newsLost was last true
	slot     time.Time // when the next topic may begin to poll
}

// NewHub makes a hub without topics.
func NewHub(o Options) *Hub {
	h := &Hub{options: o, name: rand.Text(), config: o.Config, topics: map[string]*topic{}, owners: map[string]*owner{}, failed: map[string]*FailedError{}, running: map[*Listener]bool{}}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

// Close cuts all streams and waits for the polls under way.
func (h *Hub) Close() {
	h.Drain()
	h.Cut()
	h.Wait()
	h.mu.Lock()
	h.stop()
	h.mu.Unlock()
	h.background.Wait()
}

// Cut ends all streams, also those whose readers take nothing.
func (h *Hub) Cut() {
	h.mu.Lock()
	running := slices.Collect(maps.Keys(h.running))
	h.mu.Unlock()
	for _, l := range running {
		l.leave()
	}
}

// Wait waits for the end of all streams after Drain.
func (h *Hub) Wait() { h.open.Wait() }

// begun and finished count a stream.
func (h *Hub) begun(l *Listener) {
	h.options.Metrics.StreamOpened()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[l] = true
	if h.draining { // since it subscribed
		l.drain()
	}
}

func (h *Hub) finished(l *Listener) {
	h.options.Metrics.StreamClosed()
	h.mu.Lock()
	delete(h.running, l)
	h.mu.Unlock()
	h.open.Done()
}

// Subscription is what a stream asks for.
type Subscription struct {
	// Owner is the record key of the session or account on behalf of which Spotify is asked.
	Owner string
	// Session says that Owner is a session, which may have few streams. An account may have any number.
	Session bool
	// Address is what is asked, and where its links lead. With Owner it names the topic.
	Address string
	// Route names the route in its configuration; see Keep.
	Route string
	// LastEventID is the last event that the reader has seen, if any.
	LastEventID string
	// Source makes the topic's Source, when there is no such topic yet.
	Source func() Source
}

// Subscribe adds a listener, which must be closed. It returns ErrOverloaded, ErrDraining or a FailedError.
func (h *Hub) Subscribe(s Subscription) (*Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := topicID(s)
	switch failed := h.failed[id]; {
	case h.draining:
		return nil, ErrDraining
	case h.streams >= h.config.MaxStreams:
		return nil, ErrOverloaded
	case failed != nil:
		return nil, failed
	}
	t := h.topics[id]
	if t == nil {
		t = h.beginLocked(id, s)
	}
	l := newListener(t, s.Route)
	h.streams++
	h.open.Add(1)
	if s.Session {
		h.openedLocked(s.Owner, l)
	}
	t.join(l, parseMark(s.LastEventID))
	return l, nil
}

// topicID is the same on all replicas, and reveals nothing about the owner.
func topicID(s Subscription) string {
	sum := sha256.Sum256([]byte(s.Owner + "\n" + s.Address))
	return hex.EncodeToString(sum[:16])
}

func (h *Hub) beginLocked(id string, s Subscription) *topic {
	own := h.owners[s.Owner]
	if own == nil {
		own = &owner{topics: map[*topic]bool{}}
		h.owners[s.Owner] = own
	}
	t := newTopic(h, id, s.Owner, s.Source())
	h.topics[id] = t
	own.topics[t] = true
	ctx, cancel := context.WithCancel(h.ctx)
	t.cancel = cancel
	h.background.Go(func() { newPoller(t).run(ctx) })
	return t
}

// pace is when a topic may begin to poll, and send the first commands to the store that this takes. Many that begin at the same
// time, as after a restart or an outage, are spread out: at one and a quarter of the rate at which they will poll later, because the
// second polls of the first ones come beside them. So requests do not wait behind their commands.
func (h *Hub) pace() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	interval := min(time.Second/leastPace, 4*h.config.Every/time.Duration(5*max(1, len(h.topics))))
	now := time.Now()
	if earliest := now.Add(-paceBurst * interval); h.slot.Before(earliest) {
		h.slot = earliest
	}
	h.slot = h.slot.Add(interval)
	return later(now, h.slot)
}

// crowded tells whether several topics poll.
func (h *Hub) crowded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.topics) > 1
}

// leave removes a listener, and a while later its topic when it was the last one.
func (h *Hub) leave(l *Listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.removeLocked(l)
}

func (h *Hub) removeLocked(l *Listener) {
	t := l.topic
	left, found := t.leave(l)
	if !found {
		return
	}
	h.streams--
	h.closedLocked(t.owner, l)
	if left == 0 && h.topics[t.id] == t {
		t.linger.Reset(lingerTime)
	}
}

// dismiss removes a topic without listeners.
func (h *Hub) dismiss(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.count() == 0 {
		h.forgetLocked(t)
	}
}

// forgetLocked removes a topic. A later subscription for the same begins another one.
func (h *Hub) forgetLocked(t *topic) {
	t.cancel()
	t.linger.Stop()
	if h.topics[t.id] == t {
		delete(h.topics, t.id)
	}
	if own := h.owners[t.owner]; own != nil {
		delete(own.topics, t)
		if len(own.topics) == 0 {
			delete(h.owners, t.owner)
		}
	}
}

// end ends a topic for all its listeners with their last event.
func (h *Hub) end(t *topic, problem *Problem) {
	h.mu.Lock()
	h.forgetLocked(t)
	if problem.Event == outcome.EventFailed {
		failed := &FailedError{Status: problem.Status, Body: problem.Body}
		h.failed[t.id] = failed
		time.AfterFunc(failedTime, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.failed[t.id] == failed {
				delete(h.failed, t.id)
			}
		})
	}
	h.mu.Unlock()
	t.finish(newEvent(problem.Event, "", problem.Body))
}

// topicsOf returns the topics of an owner.
func (h *Hub) topicsOf(key string) []*topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := h.owners[key]
	if own == nil {
		return nil
	}
	list := make([]*topic, 0, len(own.topics))
	for t := range own.topics {
		list = append(list, t)
	}
	return list
}

func (h *Hub) allTopics() []*topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*topic, 0, len(h.topics))
	for _, t := range h.topics {
		list = append(list, t)
	}
	return list
}

// Configure changes the times and bounds, from the next poll and stream on.
func (h *Hub) Configure(c Config) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.config = c
}

func (h *Hub) times() (every, idle time.Duration, newsLost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config.Every, h.config.Idle, h.newsLost
}

// Keep ends the streams of routes that do not exist any more. Their readers reconnect, and get the answer of the new
// configuration.
func (h *Hub) Keep(routes map[string]bool) {
	h.drain(func(l *Listener) bool { return !routes[l.route] })
}

// Drain ends all streams, and those that begin later, because the replica stops. Their readers come back to another one.
func (h *Hub) Drain() {
	h.mu.Lock()
	h.draining = true
	h.mu.Unlock()
	h.drain(func(*Listener) bool { return true })
}

func (h *Hub) drain(which func(*Listener) bool) {
	for _, t := range h.allTopics() {
		for _, l := range t.list() {
			if which(l) {
				l.drain()
			}
		}
	}
}

// newsPrefix begins what hubs tell each other about a topic; its id and what is told follow.
const newsPrefix = "live "

// Heard takes what a hub has told; other texts are ignored.
func (h *Hub) Heard(text string) {
	if told, isOwners := strings.CutPrefix(text, ownerPrefix); isOwners {
		h.heardOwner(told)
		return
	}
	rest, ours := strings.CutPrefix(text, newsPrefix)
	id, told, complete := strings.Cut(rest, " ")
	if !ours || !complete {
		return
	}
	h.mu.Lock()
	t := h.topics[id]
	h.mu.Unlock()
	if t != nil {
		t.heard(told)
	}
}

// Wrote says that a session or an account has changed something, on any replica: what plays may be another thing now.
func (h *Hub) Wrote(key string) {
	for _, t := range h.topicsOf(key) {
		t.command()
	}
}

// Gone says that the record of a session or an account was deleted.
func (h *Hub) Gone(key string) {
	for _, t := range h.topicsOf(key) {
		h.end(t, &Problem{Event: outcome.EventEnded, Body: t.source.Ended()})
	}
}

// Changed says that the record of a session or an account may be another one.
func (h *Hub) Changed(key string) {
	for _, t := range h.topicsOf(key) {
		t.recheck()
	}
}

// Missed says that news comes again, and that some may have been missed.
func (h *Hub) Missed() {
	h.hear(false)
	for _, t := range h.allTopics() {
		t.recheck()
		t.forgetNews()
	}
}

// Lost says that no news comes until the next Missed.
func (h *Hub) Lost() { h.hear(true) }

func (h *Hub) hear(newsLost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.newsLost || newsLost {
		h.lost = time.Now()
	}
	h.newsLost = newsLost
}

// lostNews tells whether no news came at some moment of the last while.
func (h *Hub) lostNews(while time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newsLost || !h.lost.IsZero() && time.Since(h.lost) < while
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
