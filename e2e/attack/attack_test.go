package attack

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"stagedoor/simulator"
)

// attacks counts a class of attacks: how many were tried, and how many got through. It is safe for concurrent use.
type attacks struct {
	t     testing.TB
	class string

	mu             sync.Mutex // guards what follows
	cases, escapes int
}

// newAttacks begins a class. When its test ends, the count is printed; a class without a case is a failure.
func newAttacks(t testing.TB, class string) *attacks {
	a := &attacks{t: t, class: class}
	t.Cleanup(func() {
		t.Helper()
		a.mu.Lock()
		defer a.mu.Unlock()
		t.Logf("attacks: %s: %d cases, %d escapes", a.class, a.cases, a.escapes)
		if a.cases == 0 {
			t.Errorf("%s: nothing was tried", a.class)
		}
	})
	return a
}

// expect counts a case. Unless the gateway held, it is an escape, and the rest says what got through.
func (a *attacks) expect(held bool, format string, values ...any) {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cases++
	if !held {
		a.escapes++
		a.t.Errorf("%s: %s", a.class, fmt.Sprintf(format, values...))
	}
}

// toSpotify are the only headers that may reach the Web API: the client's that pass, and the gateway's own. Content-Length
// is not among them, because net/http keeps it apart.
var toSpotify = []string{
	"Accept", "Accept-Language", "Content-Type", "If-None-Match", "If-Modified-Since", "Range", "Traceparent", "Tracestate",
	"User-Agent", "Via", "Authorization", "Accept-Encoding", "Content-Length",
}

// breaches says what is wrong with the requests that Spotify has seen: a path beside the Web API, a header that is not on
// the list, anything but one bearer of ours on the Web API, and a bearer elsewhere.
func breaches(seen []simulator.Seen) []string {
	var found []string
	for _, s := range seen {
		add := func(format string, values ...any) {
			found = append(found, fmt.Sprintf("%s %q: ", s.Method, s.Target)+fmt.Sprintf(format, values...))
		}
		if s.Side != simulator.SideAPI {
			if strings.HasPrefix(s.Header.Get("Authorization"), "Bearer") {
				add("a bearer beside the Web API")
			}
			continue
		}
		if path, _, _ := strings.Cut(s.Target, "?"); path != "/v1" && !strings.HasPrefix(path, "/v1/") {
			add("a path outside of the Web API")
		}
		if s.Token == "" || len(s.Header["Authorization"]) != 1 {
			add("not exactly one bearer of ours: %d", len(s.Header["Authorization"]))
		}
		for name := range s.Header {
			if !slices.Contains(toSpotify, name) {
				add("the header %s", name)
			}
		}
	}
	return found
}

// TestBreaches gives the oracle of the attacks something to find, so that its silence says something.
func TestBreaches(t *testing.T) {
	good := simulator.Seen{
		Side: simulator.SideAPI, Method: http.MethodGet, Target: "/v1/me", Token: "ada/access/1",
		Header: http.Header{"Authorization": {"Bearer x"}, "Via": {"1.1 stagedoor"}},
	}
	if found := breaches([]simulator.Seen{good}); len(found) > 0 {
		t.Errorf("an ordinary call is a breach: %v", found)
	}
	for name, spoil := range map[string]func(*simulator.Seen){
		"a path outside":      func(s *simulator.Seen) { s.Target = "/api/token" },
		"two bearers":         func(s *simulator.Seen) { s.Header["Authorization"] = []string{"Bearer x", "Bearer x"} },
		"a bearer not ours":   func(s *simulator.Seen) { s.Token = "" },
		"a header":            func(s *simulator.Seen) { s.Header["Cookie"] = []string{"a=b"} },
		"a bearer at the IdP": func(s *simulator.Seen) { s.Side = simulator.SideAccounts },
	} {
		bad := good
		bad.Header = maps.Clone(good.Header)
		spoil(&bad)
		if len(breaches([]simulator.Seen{bad})) == 0 {
			t.Errorf("%s is no breach", name)
		}
	}
}
