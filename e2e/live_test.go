package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

func liveWorld(t *testing.T, replicas int, more ...string) *world {
	t.Helper()
	return newWorld(t, options{
		replicas: replicas, accounts: radio, spotify: "scopes: [user-read-private, user-read-playback-state, user-read-currently-playing, user-modify-playback-state]",
		routes: pages{}.route(t, append([]string{liveRoute, liveRadio, userRoute}, more...)...),
	})
}

// TestLiveFiveTabs opens five tabs of one session on three replicas: Spotify is polled as for one, every tab sees every
// change, and a command through any replica shows within a second.
func TestLiveFiveTabs(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 3)
	v := w.visitor()
	v.login("ada")
	w.spotify.ForgetSeen()
	begun := time.Now()
	var tabs []*stream
	for i := range 5 {
		w.through(i % 3)
		tabs = append(tabs, v.listen("/live/me/player"))
	}
	var first string
	for i, tab := range tabs {
		if tab.status != http.StatusOK || tab.header.Get("Content-Type") != "text/event-stream" ||
			tab.header.Get("Cache-Control") != "no-store" || tab.header.Get("X-Accel-Buffering") != "no" {
			t.Fatalf("tab %d: %d %v", i, tab.status, tab.header)
		}
		e, track := tab.state(0)
		if first = track; track == "" || e.id == "" || !strings.Contains(e.data, w.balancer.URL+"/api/") || strings.Contains(e.data, w.accounts.URL+"/v1") {
			t.Fatalf("tab %d: %+v", i, e)
		}
	}
	w.through(1)
	commanded := time.Now()
	if a := v.do(http.MethodPost, "/api/me/player/next", ""); a.status != http.StatusNoContent {
		t.Fatalf("next: %s", a.summary())
	}
	var second string
	for i, tab := range tabs {
		e, track := tab.state(1)
		if second = track; track == first {
			t.Errorf("tab %d shows %s again", i, track)
		}
		t.Logf("tab %d saw the command after %v", i, e.at.Sub(commanded))
		if took := e.at.Sub(commanded); took > time.Second+slack {
			t.Errorf("tab %d saw the command after %v", i, took)
		}
	}
	if err := w.spotify.Remote("ada", simulator.Remote{Device: "Pocket phone", Action: "next"}); err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	for i, tab := range tabs {
		e, track := tab.state(2)
		if track == second {
			t.Errorf("tab %d shows %s again", i, track)
		}
		t.Logf("tab %d saw the change after %v", i, e.at.Sub(changed))
		if took := e.at.Sub(changed); took > 3*time.Second*11/10+200*time.Millisecond+slack {
			t.Errorf("tab %d saw a change from outside after %v", i, took)
		}
	}
	polls := w.polls("/v1/me/player")
	if most := int(time.Since(begun)/(2700*time.Millisecond)) + 3; len(polls) > most {
		t.Errorf("%d polls in %v, want at most %d", len(polls), time.Since(begun), most)
	}
	for i := 1; i < len(polls); i++ {
		if gap := polls[i].At.Sub(polls[i-1].At); gap < 150*time.Millisecond {
			t.Errorf("two polls are %v apart", gap)
		}
	}
	for _, tab := range tabs {
		tab.cancel()
	}
}

// slack is what a loaded machine may add to a time.
const slack = 2 * time.Second

// TestLiveLogout ends the session while five tabs listen on three replicas. Each gets its last event at once, and none
// after it.
func TestLiveLogout(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 3)
	v, other := w.visitor(), w.visitor()
	v.login("ada")
	other.login("ada")
	var tabs []*stream
	for i := range 5 {
		w.through(i % 3)
		tabs = append(tabs, v.listen("/live/me/player"))
	}
	bystander := other.listen("/live/me/player")
	for _, tab := range append(tabs, bystander) {
		tab.state(0)
	}
	w.through(0)
	cookie := v.cookieHeader()
	if err := w.spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	if a := v.do(http.MethodPost, "/auth/logout", ""); a.status != http.StatusNoContent {
		t.Fatalf("logout: %s", a.summary())
	}
	for i, tab := range tabs {
		tab.ended()
		events := tab.all()
		last := events[len(events)-1]
		if last.name != "ended" || !strings.Contains(last.data, `"reason":"LOGIN_REQUIRED"`) || tab.count("ended") != 1 {
			t.Errorf("tab %d ended with %+v", i, last)
		}
	}
	for i := range 3 {
		w.through(i)
		if a := w.visitor().get("/live/me/player", "Cookie", cookie); a.status != http.StatusNoContent || a.reason() != "LOGIN_REQUIRED" {
			t.Errorf("replica %d answers the dead cookie with %s", i, a.summary())
		}
		w.visitor().get("/live/me/player").expect(t, "without a cookie", http.StatusUnauthorized, "LOGIN_REQUIRED")
	}
	select {
	case <-bystander.done:
		t.Error("the stream of the user's other session has ended, too")
	default:
	}
}

// cookieHeader is what the browser sends.
func (v *visitor) cookieHeader() string {
	request, err := http.NewRequest(http.MethodGet, v.origin, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.client.Jar.Cookies(request.URL) {
		request.AddCookie(c)
	}
	return request.Header.Get("Cookie")
}

// TestLivePollerDies kills the replica that polls: another one goes on, and its listeners hear of changes again.
func TestLivePollerDies(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 2)
	v := w.visitor()
	v.login("ada")
	w.through(0)
	dying := v.listen("/live/me/player")
	dying.state(0)
	w.through(1)
	staying := v.listen("/live/me/player")
	staying.state(0)
	w.replicas[0].kill()
	killed := time.Now()
	if err := w.spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	e, _ := staying.state(1)
	t.Logf("the other replica polled after %v", e.at.Sub(killed))
	if took := e.at.Sub(killed); took > 9*time.Second+slack {
		t.Errorf("the other replica polled after %v", took)
	}
}

// TestLiveKeepsSecrets looks for what plays in Redis and on its channels.
func TestLiveKeepsSecrets(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 2)
	v := w.visitor()
	v.login("ada")
	heard := w.redis.Monitor(t)
	var tabs []*stream
	for i := range 2 {
		w.through(i)
		tabs = append(tabs, v.listen("/live/me/player"))
	}
	var tracks []string
	for _, tab := range tabs {
		_, track := tab.state(0)
		tracks = append(tracks, track)
	}
	v.do(http.MethodPost, "/api/me/player/next", "")
	for _, tab := range tabs {
		_, track := tab.state(1)
		tracks = append(tracks, track)
	}
	told := heard()
	if !strings.Contains(told, "live ") {
		t.Fatalf("Redis heard nothing of the streams:\n%.2000s", told)
	}
	for _, readable := range append(tracks, "is_playing", "progress_ms", "Kitchen laptop") {
		if strings.Contains(told, readable) {
			t.Errorf("%q is readable in Redis", readable)
		}
	}
}

// TestLiveRejoin comes back with the last event that it has seen.
func TestLiveRejoin(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 1)
	v := w.visitor()
	v.login("ada")
	first := v.listen("/live/me/player")
	e, _ := first.state(0)
	again := v.listen("/live/me/player", "Last-Event-ID", e.id)
	v.do(http.MethodPost, "/api/me/player/next", "")
	next, track := first.state(1)
	got, sameTrack := again.state(0)
	if got.id != next.id || track != sameTrack {
		t.Errorf("after the reconnection the first state is %+v, want %+v", got, next)
	}
	first.cancel()
	again.cancel()
	<-first.done
	<-again.done
	w.spotify.ForgetSeen()
	for range 20 { // no storm of polls, however often a page is loaded again
		s := v.listen("/live/me/player")
		s.state(0)
		s.cancel()
		<-s.done
	}
	polls := w.polls("/v1/me/player")
	for i := 1; i < len(polls); i++ {
		if gap := polls[i].At.Sub(polls[i-1].At); gap < 900*time.Millisecond {
			t.Errorf("two polls are %v apart", gap)
		}
	}
	sessiontest.Eventually(t, 30*time.Second, "the polls stop", func() bool {
		before := len(w.polls("/v1/me/player"))
		time.Sleep(3500 * time.Millisecond)
		return len(w.polls("/v1/me/player")) == before
	})
}
