package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// expectFrom wants an answer of Spotify's, and where it came from.
func expectFrom(a stage.Answer, t testing.TB, what, from string) {
	t.Helper()
	if a.Status >= 400 || a.From() != from {
		t.Errorf("%s: answered %d %s with Cache-Status %q, want %q", what, a.Status, a.Reason(), a.Header.Get("Cache-Status"), from)
	}
}

// mostInWindow is how many calls the simulator has seen at most in any window.
func mostInWindow(w *stage.World, window time.Duration) int {
	times := []time.Time{}
	for _, seen := range w.Calls("") {
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
func reject(w *stage.World, path, retryAfter string) {
	f := simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Path: path}, Times: 1, Status: http.StatusTooManyRequests,
		Body: `{"error":{"status":429,"message":"API rate limit exceeded"}}`, Header: http.Header{},
	}
	if retryAfter != "" {
		f.Header.Set("Retry-After", retryAfter)
	}
	w.Fault(f)
}

// fresh makes what Spotify answers for a path fresh for a minute.
func fresh(w *stage.World, path string) int {
	return w.Fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodGet, Path: path}, Header: http.Header{"Cache-Control": {"private, max-age=60"}},
	})
}

// TestOneRejectionStopsAllReplicas has one replica get a 429 while clients ask all three for other things, whatever Retry-After
// says. No call leaves from a tenth of a second later until the time has run; then one goes first, and the others when it
// was answered.
func TestOneRejectionStopsAllReplicas(t *testing.T) {
	stage.OnlyLong(t, "it waits for gates to open")
	t.Parallel()
	// Nothing is served stale: the renewals of one case would leave in the next.
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Quota: "wait: 0s\nstale: 0s", Spotify: stage.Listener})
	v := w.Visitor()
	v.Login("ada")
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
		if !stage.Long() && c.name != "none" && c.name != "a date" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if c.left == 0 {
				until := time.Now().Add(3 * time.Second).Truncate(time.Second)
				c.retryAfter, c.left = until.UTC().Format(http.TimeFormat), time.Until(until)-time.Second // Date has whole seconds
			}
			w.Spotify.ForgetSeen()
			reject(w, "/v1/me/player", c.retryAfter)
			slow := w.Fault(simulator.Fault{
				Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/playlists"}, Linger: 700 * time.Millisecond, Times: 1,
			})
			defer w.Spotify.ClearFault(slow)
			a := v.At(0, http.MethodGet, "/api/me/player")
			closed := time.Now()
			if a.Status != http.StatusTooManyRequests || a.Reason() != "" {
				t.Fatalf("the call was answered %d %s, want Spotify's 429", a.Status, a.Reason())
			}
			stage.Until(t, closed.Add(100*time.Millisecond))
			hammer(w, t, v, closed.Add(c.left+5*time.Second))
			calls := slices.DeleteFunc(w.Calls("/v1/me/playlists"), func(s simulator.Seen) bool { return s.At.Before(closed) })
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
	reject(w, "/v1/me/player", "86400")
	v.At(1, http.MethodGet, "/api/me/player")
	stage.Until(t, time.Now().Add(100*time.Millisecond))
	for round := range 2 {
		for i := range w.Replicas {
			a := v.At(i, http.MethodGet, fmt.Sprint("/api/me/playlists?offset=", 7000+10*round+i))
			a.Expect(t, fmt.Sprint("replica ", i, " within a day"), http.StatusTooManyRequests, "RATE_LIMITED", "Spotify limits how often this app may call")
			var left int
			if _, err := fmt.Sscan(a.Header.Get("Retry-After"), &left); err != nil || left < 86_000 || left > 86_400 {
				t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
			}
		}
		for _, replica := range w.Replicas { // all of them, so that only Redis remembers
			replica.Signal(15)
		}
		for _, replica := range w.Replicas {
			if err := replica.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		for _, replica := range w.Replicas {
			replica.Start()
		}
	}
}

// hammer asks all replicas for one thing after the other until a moment, two clients each.
func hammer(w *stage.World, t *testing.T, v *stage.Visitor, end time.Time) {
	var group sync.WaitGroup
	for client := range 2 * len(w.Replicas) {
		group.Go(func() {
			tick := time.NewTicker(25 * time.Millisecond)
			defer tick.Stop()
			for n := 0; time.Now().Before(end); n++ {
				if _, err := v.TryAt(client/2, http.MethodGet, fmt.Sprintf("/api/me/playlists?offset=%d&limit=%d", n, client+1)); err != nil {
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
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Quota: "wait: 300ms", Spotify: stage.Listener, Routes: stage.Pages{}.Route(t, stage.UserRoute, "{path: /app/, upstream: spotify, credentials: app}")})
	v := w.Visitor()
	v.Login("ada")
	w.Fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Header: http.Header{"Cache-Control": {"private, max-age=0, must-revalidate"}},
	})
	tag := ""
	for i := range w.Replicas {
		if i == 2 {
			continue // it has nothing
		}
		expectFrom(v.At(i, http.MethodGet, "/api/me"), t, "at first", "fwd=uri-miss")
		expectFrom(v.At(i, http.MethodGet, "/api/me/tracks"), t, "at first", "fwd=uri-miss")
		tag = v.At(i, http.MethodGet, "/api/me/playlists").Header.Get("Etag")
	}
	reject(w, "/v1/me/player", "60")
	v.At(0, http.MethodGet, "/api/me/player")
	for _, p := range w.Replicas { // asking for an answer instead would be a call of one that does not know yet
		sessiontest.Eventually(t, 100*time.Millisecond+5*time.Second, "the news arrives", func() bool { return p.Metric("stagedoor_quota_gate_seconds") > 0 })
	}
	w.Spotify.ForgetSeen()
	for i := range 2 {
		a := v.At(i, http.MethodGet, "/api/me")
		expectFrom(a, t, "what is kept", "hit; detail=stale")
		var age int
		if _, err := fmt.Sscan(a.Header.Get("Age"), &age); err != nil || age > 60 {
			t.Errorf("Age is %q", a.Header.Get("Age"))
		}
		if !strings.Contains(a.Body, `"ada"`) {
			t.Errorf("the body is %s", a.Body)
		}
		if head := v.At(i, http.MethodHead, "/api/me", "Accept-Encoding", "gzip"); head.Status != 200 || head.Body != "" || head.From() != "hit; detail=stale" {
			t.Errorf("HEAD: %d %v %q", head.Status, head.Header, head.Body)
		}
		if known := v.At(i, http.MethodGet, "/api/me/playlists", "If-None-Match", tag); tag == "" || known.Status != http.StatusNotModified || known.Body != "" {
			t.Errorf("If-None-Match %s: %d %v", tag, known.Status, known.Header)
		}
		limited := func(what, method, path string, headers ...string) {
			t.Helper()
			begun := time.Now()
			v.At(i, method, path, headers...).Expect(t, what, http.StatusTooManyRequests, "RATE_LIMITED")
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
		v.At(i, http.MethodGet, "/api/me/top/tracks", "Cache-Control", "only-if-cached").Expect(t, "only-if-cached", http.StatusGatewayTimeout, "NOT_CACHED")
	}
	v.At(2, http.MethodGet, "/api/me").Expect(t, "a replica that has nothing", http.StatusTooManyRequests, "RATE_LIMITED")
	other := w.Visitor()
	if _, a := other.Step(w.Balancer.URL + "/auth/login"); a.Status != http.StatusFound {
		t.Errorf("the begin of a login answered %d", a.Status)
	}
	if calls := w.Calls(""); len(calls) != 0 {
		t.Errorf("%d calls left: %v", len(calls), calls[0].Target)
	}
	for i := range w.Replicas {
		if m := w.Replicas[i].Metric("stagedoor_quota_gate_seconds"); m < 30 || m > 60 {
			t.Errorf("replica %d has the gate closed for %v s", i, m)
		}
	}
}

// TestImagesHaveAGateOfTheirOwn has a playlist's picture rejected, and then something else.
func TestImagesHaveAGateOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 2, Quota: "wait: 0s"})
	v := w.Visitor()
	v.Login("ada")
	reject(w, "/v1/playlists/p1/images", "60")
	if a := v.At(0, http.MethodPut, "/api/playlists/p1/images"); a.Status != 429 || a.Reason() != "" {
		t.Fatalf("the upload answered %d %s", a.Status, a.Reason())
	}
	for i := range w.Replicas {
		sessiontest.Eventually(t, 5*time.Second, "uploads are held back", func() bool {
			return v.At(i, http.MethodPut, "/api/playlists/p2/images").Summary() == "429 RATE_LIMITED"
		})
		v.At(i, http.MethodGet, "/api/playlists/p1/images").Expect(t, "a picture's address", 400, "")
		if a := v.At(i, http.MethodGet, "/api/me"); a.Status != 200 {
			t.Errorf("everything else is held back too: %d %s", a.Status, a.Reason())
		}
	}
}

// TestCallbackWhileTheGateIsClosed has a login come back during a ban: its code is redeemed afterwards.
func TestCallbackWhileTheGateIsClosed(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	v := w.Visitor()
	v.Login("ada")
	reject(w, "/v1/me/player", "3")
	v.Get("/api/me/player")
	closed := time.Now()
	other := w.Visitor()
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ben"}); err != nil {
		t.Fatal(err)
	}
	consent, _ := other.Step(w.Balancer.URL + "/auth/login")
	callback, _ := other.Step(consent)
	tokens := w.Spotify.Counts().TokenCalls["authorization_code"]
	_, a := other.Step(callback)
	a.Expect(t, "the callback", http.StatusTooManyRequests, "RATE_LIMITED", "<html", "logins are not possible")
	if a.Header.Get("Retry-After") == "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("the page has %v", a.Header)
	}
	if now := w.Spotify.Counts().TokenCalls["authorization_code"]; now != tokens {
		t.Errorf("the code was redeemed")
	}
	stage.Until(t, closed.Add(3200*time.Millisecond))
	if _, a = other.Step(callback); a.Status != http.StatusSeeOther {
		t.Fatalf("afterwards the callback answers %d %s %.300s", a.Status, a.Reason(), a.Body)
	}
	if s := other.Status(); s.User.ID != "ben" {
		t.Errorf("logged in as %q", s.User.ID)
	}
}
