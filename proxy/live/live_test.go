package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/internal/outcome"
)

// usual is a configuration as config.yaml has it.
var usual = Config{Every: 3 * time.Second, Idle: 20 * time.Second, MaxStreams: 100}

// player is a Source whose answer a test sets. It remembers when it was asked.
type player struct {
	mu       sync.Mutex // guards what follows
	track    string
	playing  bool
	length   time.Duration
	began    time.Time // of the track
	restarts bool      // with each poll
	problem  *Problem
	check    *Problem
	until    time.Duration
	takes    time.Duration
	reaches  func(poll int) time.Duration // how long after its begin a poll reaches the player; nil: at once
	begun    int                          // polls
	polls    []time.Time                  // when they reached the player
	checks   []time.Time
}

func newPlayer() *player {
	return &player{track: "one", playing: true, length: time.Hour, began: time.Now(), until: time.Hour}
}

func (p *player) set(change func(*player)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *player) next(track string) {
	p.set(func(p *player) { p.track, p.began = track, time.Now() })
}

func (p *player) Check(context.Context) (time.Time, *Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checks = append(p.checks, time.Now())
	return time.Now().Add(p.until), p.check
}

func (p *player) Poll(ctx context.Context) ([]byte, *Problem) {
	p.mu.Lock()
	p.begun++
	if p.reaches != nil {
		reaches := p.reaches(p.begun)
		p.mu.Unlock()
		select {
		case <-ctx.Done(): // it may still have reached the player at the last moment
		case <-time.After(reaches):
		}
		p.mu.Lock()
	}
	p.polls = append(p.polls, time.Now())
	takes := p.takes
	p.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, &Problem{Event: outcome.EventDelayed, Reason: "UPSTREAM_TIMEOUT"}
	case <-time.After(takes):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.problem != nil {
		return nil, p.problem
	}
	if p.track == "" {
		return nil, nil
	}
	if p.restarts {
		p.began = time.Now()
	}
	progress := time.Since(p.began)
	if !p.playing {
		progress = 7 * time.Second
	}
	return fmt.Appendf(nil, `{"timestamp": %d, "progress_ms": %d, "is_playing": %t, "item": {"id": %q, "duration_ms": %d}}`,
		time.Now().UnixNano(), progress.Milliseconds(), p.playing, p.track, p.length.Milliseconds()), nil
}

func (p *player) Ended() []byte                      { return []byte(`{"error":"ended"}`) }
func (p *player) Seal(plain []byte) ([]byte, error)  { return append([]byte("sealed"), plain...), nil }
func (p *player) Open(sealed []byte) ([]byte, error) { return sealed[len("sealed"):], nil }

// asked returns how long after each other the polls were.
func (p *player) asked() (count int, gaps []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 1; i < len(p.polls); i++ {
		gaps = append(gaps, p.polls[i].Sub(p.polls[i-1]))
	}
	return len(p.polls), gaps
}

// store has the leases, and carries what hubs tell each other.
type store struct {
	mu     sync.Mutex // guards what follows
	down   bool
	tries  []time.Time // to acquire
	holder map[string]string
	until  map[string]time.Time
	hubs   []*Hub
}

func (s *store) Acquire(_ context.Context, key, holder string, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries = append(s.tries, time.Now())
	if s.down {
		return false, errors.New("no store")
	}
	if time.Now().Before(s.until[key]) && s.holder[key] != holder {
		return false, nil
	}
	s.holder[key], s.until[key] = holder, time.Now().Add(ttl)
	return true, nil
}

func (s *store) Tell(_ context.Context, text string) error {
	s.mu.Lock()
	hubs, down := s.hubs, s.down
	s.mu.Unlock()
	if down {
		return errors.New("no store")
	}
	for _, h := range hubs {
		h.Heard(text)
	}
	return nil
}

// forget loses all leases, as a Redis does that restarts without its data.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.holder)
	clear(s.until)
}

func (s *store) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

type noMetrics struct{}

func (noMetrics) StreamOpened()       {}
func (noMetrics) StreamClosed()       {}
func (noMetrics) Polled(outcome.Poll) {}
func (noMetrics) Event(outcome.Event) {}

// replicas makes hubs that share a store.
func replicas(t *testing.T, count int) (*store, []*Hub) {
	t.Helper()
	s := &store{holder: map[string]string{}, until: map[string]time.Time{}}
	for range count {
		h := NewHub(Options{Config: usual, Leases: s, Metrics: noMetrics{}, Tell: s.Tell})
		s.hubs = append(s.hubs, h)
		t.Cleanup(h.Close)
	}
	return s, s.hubs
}

// reader is a stream with what was written to it.
type reader struct {
	header http.Header
	leave  context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex // guards text
	text strings.Builder
}

func (r *reader) Header() http.Header { return r.header }
func (r *reader) WriteHeader(int)     {}
func (r *reader) Flush()              {}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// read returns all that was written so far.
func (r *reader) read() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (h *Hub) read(t *testing.T, p *player, change ...func(*Subscription)) *reader {
	t.Helper()
	s := Subscription{Owner: "session:1", Session: true, Address: "me/player", Route: "route", Source: func() Source { return p }}
	for _, c := range change {
		c(&s)
	}
	l, err := h.Subscribe(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(context.Background())
	r := &reader{header: http.Header{}, leave: leave, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		l.Serve(ctx, r)
	}()
	t.Cleanup(leave)
	return r
}

// events are the names of the events so far, with the track of states.
func (r *reader) events() string {
	var told []string
	for block := range strings.SplitSeq(r.read(), "\n\n") {
		name, data, isEvent := strings.Cut(strings.TrimPrefix(block, "retry: 3600000\n"), "\ndata: ")
		name, _, _ = strings.Cut(name, "\n")
		if !isEvent {
			continue
		}
		name = strings.TrimPrefix(name, "event: ")
		if _, item, found := strings.Cut(data, `"item":{"id":"`); found {
			track, _, _ := strings.Cut(item, `"`)
			name = track
		}
		told = append(told, name)
	}
	return strings.Join(told, " ")
}

func (r *reader) expect(t *testing.T, want string) {
	t.Helper()
	if got := r.events(); got != want {
		t.Errorf("the events are %q, want %q", got, want)
	}
}

func (r *reader) ended() bool {
	synctest.Wait()
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}
