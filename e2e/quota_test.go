package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// listener is the scopes of somebody who looks at all that tests ask for.
const listener = "scopes: [user-read-private, user-read-email, user-read-playback-state, user-modify-playback-state, " +
	"playlist-read-private, playlist-modify-private, user-top-read, user-library-read, user-library-modify, ugc-image-upload]"

// at sends a request to one replica, past the balancer.
func (v *visitor) at(replica int, method, path string, headers ...string) answer {
	v.t.Helper()
	a, err := v.tryAt(replica, method, path, headers...)
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

// tryAt is at for goroutines, which must not end the test.
func (v *visitor) tryAt(replica int, method, path string, headers ...string) (answer, error) {
	request, err := http.NewRequest(method, "http://"+v.w.replicas[replica].public()+path, nil)
	if err != nil {
		return answer{}, err
	}
	request.Host = strings.TrimPrefix(v.w.balancer.URL, "http://")
	request.Header.Set("Origin", v.w.balancer.URL)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}, err
}

// from is what an answer says of where it came from.
func (a answer) from() string { return strings.TrimPrefix(a.header.Get("Cache-Status"), "stagedoor; ") }

// expectFrom wants an answer of Spotify's, and where it came from.
func (a answer) expectFrom(t testing.TB, what, from string) {
	t.Helper()
	if a.status >= 400 || a.from() != from {
		t.Errorf("%s: answered %d %s with Cache-Status %q, want %q", what, a.status, a.reason(), a.header.Get("Cache-Status"), from)
	}
}

// calls are the calls of the Web API that the simulator has seen for a path, oldest first.
func (w *world) calls(path string) []simulator.Seen {
	return w.spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Path: path}})
}

// mostInWindow is how many calls the simulator has seen at most in any window.
func (w *world) mostInWindow(window time.Duration) int {
	times := []time.Time{}
	for _, seen := range w.calls("") {
		times = append(times, seen.At)
	}
	slices.SortFunc(times, time.Time.Compare)
	most, begin := 0, 0
	for i, at := range times {
		for at.Sub(times[begin]) >= window {
			begin++
		}
		most = max(most, i-begin+1)
	}
	return most
}

// reject answers the next call for a path with a 429.
func (w *world) reject(path, retryAfter string) {
	f := simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Path: path}, Times: 1, Status: http.StatusTooManyRequests,
		Body: `{"error":{"status":429,"message":"API rate limit exceeded"}}`, Header: http.Header{},
	}
	if retryAfter != "" {
		f.Header.Set("Retry-After", retryAfter)
	}
	w.fault(f)
}

// fresh makes what Spotify answers for a path fresh for a minute.
func (w *world) fresh(path string) int {
	return w.fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodGet, Path: path}, Header: http.Header{"Cache-Control": {"private, max-age=60"}},
	})
}

// until waits for a moment.
func until(t testing.TB, at time.Time) {
	t.Helper()
	sessiontest.Eventually(t, time.Until(at)+10*time.Second, "the time has come", func() bool { return !time.Now().Before(at) })
}

// TestOneRejectionStopsAllReplicas has one replica get a 429 while clients ask all three for other things, whatever Retry-After
// says. No call leaves from a tenth of a second later until the time has run; then one goes first, and the others when it
// was answered.
func TestOneRejectionStopsAllReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 3, quota: "wait: 0s", spotify: listener})
	v := w.visitor()
	v.login("ada")
	for _, c := range []struct {
		name, retryAfter string
		left             time.Duration
	}{
		{"2", "2", 2 * time.Second},
		{"0", "0", time.Second},
		{"none", "", time.Second},
		{"a date", "", 0}, // three seconds from when it is tried
		{"nonsense", "soon", time.Second},
		{"negative", "-5", time.Second},
	} {
		if *faultsMode != "full" && c.name != "none" && c.name != "a date" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if c.left == 0 {
				until := time.Now().Add(3 * time.Second).Truncate(time.Second)
				c.retryAfter, c.left = until.UTC().Format(http.TimeFormat), time.Until(until)-time.Second // Date has whole seconds
			}
			w.spotify.ForgetSeen()
			w.reject("/v1/me/player", c.retryAfter)
			slow := w.fault(simulator.Fault{
				Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/playlists"}, Linger: 700 * time.Millisecond, Times: 1,
			})
			defer w.spotify.ClearFault(slow)
			a := v.at(0, http.MethodGet, "/api/me/player")
			closed := time.Now()
			if a.status != http.StatusTooManyRequests || a.reason() != "" {
				t.Fatalf("the call was answered %d %s, want Spotify's 429", a.status, a.reason())
			}
			until(t, closed.Add(100*time.Millisecond))
			w.hammer(t, v, closed.Add(c.left+2500*time.Millisecond))
			calls := w.calls("/v1/me/playlists")
			if len(calls) < 3 {
				t.Fatalf("only %d calls left in all", len(calls))
			}
			if first := calls[0].At.Sub(closed); first < c.left-100*time.Millisecond {
				t.Errorf("a call left %v after the 429, want %v", first, c.left)
			}
			if next := calls[1].At.Sub(calls[0].At); next < 700*time.Millisecond {
				t.Errorf("the second call left %v after the first, before that was answered", next)
			}
		})
	}
	w.reject("/v1/me/player", "86400")
	v.at(1, http.MethodGet, "/api/me/player")
	until(t, time.Now().Add(100*time.Millisecond))
	for round := range 2 {
		for i := range w.replicas {
			a := v.at(i, http.MethodGet, fmt.Sprint("/api/me/playlists?offset=", 7000+10*round+i))
			a.expect(t, fmt.Sprint("replica ", i, " within a day"), http.StatusTooManyRequests, "RATE_LIMITED", "Spotify limits how often this app may call")
			var left int
			if _, err := fmt.Sscan(a.header.Get("Retry-After"), &left); err != nil || left < 86_000 || left > 86_400 {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		}
		for _, replica := range w.replicas { // all of them, so that only Redis remembers
			replica.signal(15)
		}
		for _, replica := range w.replicas {
			if err := replica.wait(); err != nil {
				t.Fatal(err)
			}
		}
		for _, replica := range w.replicas {
			replica.start()
		}
	}
}

// hammer asks all replicas for one thing after the other until a moment, two clients each.
func (w *world) hammer(t *testing.T, v *visitor, end time.Time) {
	var group sync.WaitGroup
	for client := range 2 * len(w.replicas) {
		group.Go(func() {
			tick := time.NewTicker(25 * time.Millisecond)
			defer tick.Stop()
			for n := 0; time.Now().Before(end); n++ {
				if _, err := v.tryAt(client/2, http.MethodGet, fmt.Sprintf("/api/me/playlists?offset=%d&limit=%d", n, client+1)); err != nil {
					t.Error(err)
				}
				<-tick.C
			}
		})
	}
	group.Wait()
}

// TestAnswersWhileTheGateIsClosed looks at what clients get that ask for different things while Spotify has said a minute.
func TestAnswersWhileTheGateIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 3, quota: "wait: 300ms", spotify: listener, routes: pages{}.route(t, userRoute, "{path: /app/, upstream: spotify, credentials: app}")})
	v := w.visitor()
	v.login("ada")
	w.fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Header: http.Header{"Cache-Control": {"private, max-age=0, must-revalidate"}},
	})
	tag := ""
	for i := range w.replicas {
		if i == 2 {
			continue // it has nothing
		}
		v.at(i, http.MethodGet, "/api/me").expectFrom(t, "at first", "fwd=uri-miss")
		v.at(i, http.MethodGet, "/api/me/tracks").expectFrom(t, "at first", "fwd=uri-miss")
		tag = v.at(i, http.MethodGet, "/api/me/playlists").header.Get("Etag")
	}
	w.reject("/v1/me/player", "60")
	v.at(0, http.MethodGet, "/api/me/player")
	w.spotify.ForgetSeen()
	for i := range 2 {
		sessiontest.Eventually(t, 100*time.Millisecond+5*time.Second, "the news arrives", func() bool { return v.at(i, http.MethodGet, "/api/me").from() == "hit; detail=stale" })
		a := v.at(i, http.MethodGet, "/api/me")
		a.expectFrom(t, "what is kept", "hit; detail=stale")
		var age int
		if _, err := fmt.Sscan(a.header.Get("Age"), &age); err != nil || age > 60 {
			t.Errorf("Age is %q", a.header.Get("Age"))
		}
		if !strings.Contains(a.body, `"ada"`) {
			t.Errorf("the body is %s", a.body)
		}
		if head := v.at(i, http.MethodHead, "/api/me", "Accept-Encoding", "gzip"); head.status != 200 || head.body != "" || head.from() != "hit; detail=stale" {
			t.Errorf("HEAD: %d %v %q", head.status, head.header, head.body)
		}
		if known := v.at(i, http.MethodGet, "/api/me/playlists", "If-None-Match", tag); tag == "" || known.status != http.StatusNotModified || known.body != "" {
			t.Errorf("If-None-Match %s: %d %v", tag, known.status, known.header)
		}
		limited := func(what, method, path string, headers ...string) {
			t.Helper()
			begun := time.Now()
			v.at(i, method, path, headers...).expect(t, what, http.StatusTooManyRequests, "RATE_LIMITED")
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("%s: answered after %v", what, took)
			}
		}
		limited("must-revalidate", http.MethodGet, "/api/me/tracks")
		limited("no-cache", http.MethodGet, "/api/me", "Cache-Control", "no-cache")
		limited("nothing kept", http.MethodGet, "/api/me/top/artists")
		limited("another route", http.MethodGet, "/app/artists/none")
		limited("a range", http.MethodGet, "/api/me", "Range", "bytes=0-9")
		limited("a write", http.MethodPut, "/api/me/player/pause")
		v.at(i, http.MethodGet, "/api/me/top/tracks", "Cache-Control", "only-if-cached").expect(t, "only-if-cached", http.StatusGatewayTimeout, "NOT_CACHED")
	}
	v.at(2, http.MethodGet, "/api/me").expect(t, "a replica that has nothing", http.StatusTooManyRequests, "RATE_LIMITED")
	other := w.visitor()
	if _, a := other.step(w.balancer.URL + "/auth/login"); a.status != http.StatusFound {
		t.Errorf("the begin of a login answered %d", a.status)
	}
	if calls := w.calls(""); len(calls) != 0 {
		t.Errorf("%d calls left: %v", len(calls), calls[0].Target)
	}
	for i := range w.replicas {
		if m := w.replicas[i].metric("stagedoor_quota_gate_seconds"); m < 30 || m > 60 {
			t.Errorf("replica %d has the gate closed for %v s", i, m)
		}
	}
}

// TestImagesHaveAGateOfTheirOwn has a playlist's picture rejected, and then something else.
func TestImagesHaveAGateOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 2, quota: "wait: 0s"})
	v := w.visitor()
	v.login("ada")
	w.reject("/v1/playlists/p1/images", "60")
	if a := v.at(0, http.MethodPut, "/api/playlists/p1/images"); a.status != 429 || a.reason() != "" {
		t.Fatalf("the upload answered %d %s", a.status, a.reason())
	}
	for i := range w.replicas {
		sessiontest.Eventually(t, 5*time.Second, "uploads are held back", func() bool {
			return v.at(i, http.MethodPut, "/api/playlists/p2/images").summary() == "429 RATE_LIMITED"
		})
		v.at(i, http.MethodGet, "/api/playlists/p1/images").expect(t, "a picture's address", 400, "")
		if a := v.at(i, http.MethodGet, "/api/me"); a.status != 200 {
			t.Errorf("everything else is held back too: %d %s", a.status, a.reason())
		}
	}
}

// TestCallbackWhileTheGateIsClosed has a login come back during a ban: its code is redeemed afterwards.
func TestCallbackWhileTheGateIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	v := w.visitor()
	v.login("ada")
	w.reject("/v1/me/player", "3")
	v.get("/api/me/player")
	closed := time.Now()
	other := w.visitor()
	if err := w.spotify.SetConsent(simulator.Consent{User: "ben"}); err != nil {
		t.Fatal(err)
	}
	consent, _ := other.step(w.balancer.URL + "/auth/login")
	callback, _ := other.step(consent)
	tokens := w.spotify.Counts().TokenCalls["authorization_code"]
	_, a := other.step(callback)
	a.expect(t, "the callback", http.StatusTooManyRequests, "RATE_LIMITED", "<html", "nobody can log in")
	if a.header.Get("Retry-After") == "" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("the page has %v", a.header)
	}
	if now := w.spotify.Counts().TokenCalls["authorization_code"]; now != tokens {
		t.Errorf("the code was redeemed")
	}
	until(t, closed.Add(3200*time.Millisecond))
	if _, a = other.step(callback); a.status != http.StatusSeeOther {
		t.Fatalf("afterwards the callback answers %d %s %.300s", a.status, a.reason(), a.body)
	}
	if s := other.status(); s.User.ID != "ben" {
		t.Errorf("logged in as %q", s.User.ID)
	}
}
