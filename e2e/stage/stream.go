package stage

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// LiveRoute pushes the player of the user, and LiveRadio that of the account radio.
const (
	LiveRoute = "{path: /live/, upstream: spotify, credentials: user, live: [me/player, me/player/queue]}"
	LiveRadio = `{path: /onair/, upstream: spotify, credentials: "account:radio", live: [me/player]}`
)

// Event is one event of a stream.
type Event struct {
	Name, ID, Data string
	At             time.Time
}

// Stream is one open stream of server-sent events.
type Stream struct {
	T      testing.TB
	Status int
	Header http.Header
	// Leave closes the stream, and Done is closed when it has ended.
	Leave context.CancelFunc
	Done  chan struct{}

	mu       sync.Mutex // guards what follows
	events   []Event
	comments int
	retry    string
}

// Listen opens a stream and reads it until it ends.
func (v *Visitor) Listen(path string, headers ...string) *Stream {
	v.T.Helper()
	s, err := v.TryListen(path, headers...)
	if err != nil {
		v.T.Fatal(err)
	}
	return s
}

// TryListen is Listen for goroutines.
func (v *Visitor) TryListen(path string, headers ...string) (*Stream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	v.T.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.Origin+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.Client.Do(request)
	if err != nil {
		return nil, err
	}
	s := &Stream{T: v.T, Status: response.StatusCode, Header: response.Header, Leave: cancel, Done: make(chan struct{})}
	go func() {
		defer close(s.Done)
		defer func() { _ = response.Body.Close() }()
		s.read(bufio.NewScanner(response.Body))
	}()
	return s, nil
}

// read understands a stream as WHATWG HTML section 9.2.6 says, as far as the gateway uses it.
func (s *Stream) read(lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	var e Event
	for lines.Scan() {
		line := lines.Text()
		s.mu.Lock()
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if e.Data != "" {
				e.At = time.Now()
				s.events = append(s.events, e)
			}
			e = Event{ID: e.ID}
		case field == "":
			s.comments++
		case field == "event":
			e.Name = value
		case field == "id":
			e.ID = value
		case field == "data":
			e.Data += value
		case field == "retry":
			s.retry = value
		}
		s.mu.Unlock()
	}
}

// All returns the events so far.
func (s *Stream) All() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event{}, s.events...)
}

// Count returns how many events of a name there were.
func (s *Stream) Count(name string) (n int) {
	for _, e := range s.All() {
		if e.Name == name {
			n++
		}
	}
	return n
}

// Comments returns how many comments there were.
func (s *Stream) Comments() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.comments
}

// Await returns the first event from the i-th on that matches.
func (s *Stream) Await(what string, from int, match func(Event) bool) Event {
	s.T.Helper()
	var found Event
	sessiontest.Eventually(s.T, 20*time.Second, what, func() bool {
		for _, e := range s.All()[min(from, len(s.All())):] {
			if match(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// State awaits the i-th state and returns its track.
func (s *Stream) State(i int) (e Event, track string) {
	s.T.Helper()
	seen := -1
	defer func() {
		if s.T.Failed() {
			s.T.Log(s.All(), s.comments, s.retry)
		}
	}()
	e = s.Await(fmt.Sprintf("state %d", i), 0, func(Event) bool { return s.Count("state") > i })
	for _, e = range s.All() {
		if e.Name == "state" {
			if seen++; seen == i {
				break
			}
		}
	}
	return e, e.Track(s.T)
}

// Track is the id of the track in the player's state that an event brings.
func (e Event) Track(t testing.TB) string {
	t.Helper()
	var player struct{ Item struct{ ID string } }
	if err := json.Unmarshal([]byte(e.Data), &player); err != nil {
		t.Fatalf("%v in %s", err, e.Data)
	}
	return player.Item.ID
}

// Ended waits until the stream has ended.
func (s *Stream) Ended() {
	s.T.Helper()
	select {
	case <-s.Done:
	case <-time.After(20 * time.Second):
		s.T.Fatalf("the stream goes on; it has had %v", s.All())
	}
}
