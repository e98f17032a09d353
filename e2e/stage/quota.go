package stage

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// Listener is the scopes of somebody who looks at all that tests ask for.
const Listener = "scopes: [user-read-private, user-read-email, user-read-playback-state, user-modify-playback-state, " +
	"playlist-read-private, playlist-modify-private, user-top-read, user-library-read, user-library-modify, ugc-image-upload]"

// At sends a request to one replica, past the balancer.
func (v *Visitor) At(replica int, method, path string, headers ...string) Answer {
	v.T.Helper()
	a, err := v.TryAt(replica, method, path, headers...)
	if err != nil {
		v.T.Fatal(err)
	}
	return a
}

// TryAt is At for goroutines, which must not end the test.
func (v *Visitor) TryAt(replica int, method, path string, headers ...string) (Answer, error) {
	request, err := http.NewRequest(method, "http://"+v.W.Replicas[replica].Public()+path, nil)
	if err != nil {
		return Answer{}, err
	}
	request.Host = strings.TrimPrefix(v.W.Balancer.URL, "http://")
	request.Header.Set("Origin", v.W.Balancer.URL)
	return v.send(request, headers)
}

// From is what an answer says of where it came from.
func (a Answer) From() string {
	return strings.TrimPrefix(a.Header.Get("Cache-Status"), "stagedoor; ")
}

// Calls are the calls of the Web API that the simulator has seen for a path, oldest first.
func (w *World) Calls(path string) []simulator.Seen {
	return w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Path: path}})
}

// Until waits for a moment.
func Until(t testing.TB, at time.Time) {
	t.Helper()
	sessiontest.Eventually(t, time.Until(at)+10*time.Second, "the time has come", func() bool { return !time.Now().Before(at) })
}
