package e2e

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
	"stagedoor/simulator"
)

// liveRoute pushes the player of the user, and liveRadio that of an account.
const (
	liveRoute = "{path: /live/, upstream: spotify, credentials: user, live: [me/player, me/player/queue]}"
	liveRadio = `{path: /onair/, upstream: spotify, credentials: "account:radio", live: [me/player]}`
)

// sse is one event of a stream.
type sse struct {
	name, id, data string
	at             time.Time
}

// stream is one open stream of server-sent events.
type stream struct {
	t      testing.TB
	status int
	header http.Header
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex // guards what follows
	events   []sse
	comments int
	retry    string
}

// listen opens a stream and reads it until it ends.
func (v *visitor) listen(path string, headers ...string) *stream {
	v.t.Helper()
	s, err := v.tryListen(path, headers...)
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

// tryListen is listen for goroutines.
func (v *visitor) tryListen(path string, headers ...string) (*stream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	v.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.origin+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.client.Do(request)
	if err != nil {
		return nil, err
	}
	s := &stream{t: v.t, status: response.StatusCode, header: response.Header, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer func() { _ = response.Body.Close() }()
		s.read(bufio.NewScanner(response.Body))
	}()
	return s, nil
}

// read understands a stream as WHATWG HTML section 9.2.6 says, as far as the gateway uses it.
func (s *stream) read(lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	var e sse
	for lines.Scan() {
		line := lines.Text()
		s.mu.Lock()
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if e.data != "" {
				e.at = time.Now()
				s.events = append(s.events, e)
			}
			e = sse{id: e.id}
		case field == "":
			s.comments++
		case field == "event":
			e.name = value
		case field == "id":
			e.id = value
		case field == "data":
			e.data += value
		case field == "retry":
			s.retry = value
		}
		s.mu.Unlock()
	}
}

// all returns the events so far.
func (s *stream) all() []sse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sse{}, s.events...)
}

// count returns how many events of a name there were.
func (s *stream) count(name string) (n int) {
	for _, e := range s.all() {
		if e.name == name {
			n++
		}
	}
	return n
}

// await returns the first event from the i-th on that matches.
func (s *stream) await(what string, from int, match func(sse) bool) sse {
	s.t.Helper()
	var found sse
	sessiontest.Eventually(s.t, 20*time.Second, what, func() bool {
		for _, e := range s.all()[min(from, len(s.all())):] {
			if match(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// state awaits the i-th state and returns its track.
func (s *stream) state(i int) (e sse, track string) {
	s.t.Helper()
	seen := -1
	defer func() {
		if s.t.Failed() {
			s.t.Log(s.all(), s.comments, s.retry)
		}
	}()
	e = s.await(fmt.Sprintf("state %d", i), 0, func(sse) bool { return s.count("state") > i })
	for _, e = range s.all() {
		if e.name == "state" {
			if seen++; seen == i {
				break
			}
		}
	}
	return e, e.track(s.t)
}

func (e sse) track(t testing.TB) string {
	t.Helper()
	var player struct{ Item struct{ ID string } }
	if err := json.Unmarshal([]byte(e.data), &player); err != nil {
		t.Fatalf("%v in %s", err, e.data)
	}
	return player.Item.ID
}

// ended waits until the stream has ended.
func (s *stream) ended() {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("the stream goes on; it has had %v", s.all())
	}
}

// polls returns how often Spotify was asked for a path.
func (w *world) polls(path string) []simulator.Seen {
	return w.spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Method: "GET", Path: path, Exact: true}})
}
