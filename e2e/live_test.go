package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

func liveWorld(t *testing.T, replicas int, more ...string) *stage.World {
	t.Helper()
	return stage.NewWorld(t, stage.Options{
		Replicas: replicas, Accounts: stage.Radio, Spotify: stage.Listener, Pprof: true,
		Routes: stage.Pages{}.Route(t, append([]string{stage.LiveRoute, stage.LiveRadio, stage.UserRoute}, more...)...),
	})
}

// TestLiveFiveTabs opens five tabs of one session on three replicas: Spotify is polled as for one, every tab sees every
// change, and a command through any replica shows within a second.
func TestLiveFiveTabs(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 3)
	v := w.Visitor()
	v.Login("ada")
	w.Spotify.ForgetSeen()
	begun := time.Now()
	var tabs []*stage.Stream
	for i := range 5 {
		w.Through(i % 3)
		tabs = append(tabs, v.Listen("/live/me/player"))
	}
	var first string
	for i, tab := range tabs {
		if tab.Status != http.StatusOK || tab.Header.Get("Content-Type") != "text/event-stream" ||
			tab.Header.Get("Cache-Control") != "no-store" || tab.Header.Get("X-Accel-Buffering") != "no" {
			t.Fatalf("tab %d: %d %v", i, tab.Status, tab.Header)
		}
		e, track := tab.State(0)
		if first = track; track == "" || e.ID == "" || !strings.Contains(e.Data, w.Balancer.URL+"/api/") || strings.Contains(e.Data, w.Accounts.URL+"/v1") {
			t.Fatalf("tab %d: %+v", i, e)
		}
	}
	w.Through(1)
	commanded := time.Now()
	if a := v.Do(http.MethodPost, "/api/me/player/next", ""); a.Status != http.StatusNoContent {
		t.Fatalf("next: %s", a.Summary())
	}
	var second string
	for i, tab := range tabs {
		e, track := tab.State(1)
		if second = track; track == first {
			t.Errorf("tab %d shows %s again", i, track)
		}
		t.Logf("tab %d saw the command after %v", i, e.At.Sub(commanded))
		if took := e.At.Sub(commanded); took > time.Second+slack {
			t.Errorf("tab %d saw the command after %v", i, took)
		}
	}
	if err := w.Spotify.Remote("ada", simulator.Remote{Device: "Pocket phone", Action: "next"}); err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	for i, tab := range tabs {
		e, track := tab.State(2)
		if track == second {
			t.Errorf("tab %d shows %s again", i, track)
		}
		t.Logf("tab %d saw the change after %v", i, e.At.Sub(changed))
		if took := e.At.Sub(changed); took > 3*time.Second*11/10+200*time.Millisecond+slack {
			t.Errorf("tab %d saw a change from outside after %v", i, took)
		}
	}
	asked := polls(w)
	if most := int(time.Since(begun)/(2700*time.Millisecond)) + 3; len(asked) > most {
		t.Errorf("%d polls in %v, want at most %d", len(asked), time.Since(begun), most)
	}
	for i := 1; i < len(asked); i++ {
		if gap := asked[i].At.Sub(asked[i-1].At); gap < 150*time.Millisecond {
			t.Errorf("two polls are %v apart", gap)
		}
	}
	for _, tab := range tabs {
		tab.Leave()
	}
}

// slack is what a loaded machine may add to a time.
const slack = 2 * time.Second

// TestLiveLogout ends the session while five tabs listen on three replicas. Each gets its last event at once, and none
// after it.
func TestLiveLogout(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 3)
	v, other := w.Visitor(), w.Visitor()
	v.Login("ada")
	other.Login("ada")
	var tabs []*stage.Stream
	for i := range 5 {
		w.Through(i % 3)
		tabs = append(tabs, v.Listen("/live/me/player"))
	}
	bystander := other.Listen("/live/me/player")
	for _, tab := range append(tabs, bystander) {
		tab.State(0)
	}
	w.Through(0)
	cookie := cookieHeader(v)
	if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	if a := v.Do(http.MethodPost, "/auth/logout", ""); a.Status != http.StatusNoContent {
		t.Fatalf("logout: %s", a.Summary())
	}
	for i, tab := range tabs {
		tab.Ended()
		events := tab.All()
		last := events[len(events)-1]
		if last.Name != "ended" || !strings.Contains(last.Data, `"reason":"LOGIN_REQUIRED"`) || tab.Count("ended") != 1 {
			t.Errorf("tab %d ended with %+v", i, last)
		}
	}
	for i := range 3 {
		w.Through(i)
		if a := w.Visitor().Get("/live/me/player", "Cookie", cookie); a.Status != http.StatusNoContent || a.Reason() != "LOGIN_REQUIRED" {
			t.Errorf("replica %d answers the dead cookie with %s", i, a.Summary())
		}
		w.Visitor().Get("/live/me/player").Expect(t, "without a cookie", http.StatusUnauthorized, "LOGIN_REQUIRED")
	}
	select {
	case <-bystander.Done:
		t.Error("the stream of the user's other session has ended, too")
	default:
	}
}

// cookieHeader is what the browser sends.
func cookieHeader(v *stage.Visitor) string {
	request, err := http.NewRequest(http.MethodGet, v.Origin, nil)
	if err != nil {
		v.T.Fatal(err)
	}
	for _, c := range v.Client.Jar.Cookies(request.URL) {
		request.AddCookie(c)
	}
	return request.Header.Get("Cookie")
}

// TestLivePollerDies kills the replica that polls: another one goes on, and its listeners hear of changes again.
func TestLivePollerDies(t *testing.T) {
	stage.OnlyLong(t, "it waits for leases that expire")
	t.Parallel()
	w := liveWorld(t, 2)
	v := w.Visitor()
	v.Login("ada")
	w.Through(0)
	dying := v.Listen("/live/me/player")
	dying.State(0)
	w.Through(1)
	staying := v.Listen("/live/me/player")
	staying.State(0)
	w.Replicas[0].Kill()
	killed := time.Now()
	if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	e, _ := staying.State(1)
	t.Logf("the other replica polled after %v", e.At.Sub(killed))
	if took := e.At.Sub(killed); took > 9*time.Second+slack {
		t.Errorf("the other replica polled after %v", took)
	}
}

// TestLiveKeepsSecrets looks for what plays in Redis and on its channels.
func TestLiveKeepsSecrets(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 2)
	v := w.Visitor()
	v.Login("ada")
	heard := w.Redis.Monitor(t)
	var tabs []*stage.Stream
	for i := range 2 {
		w.Through(i)
		tabs = append(tabs, v.Listen("/live/me/player"))
	}
	var tracks []string
	for _, tab := range tabs {
		_, track := tab.State(0)
		tracks = append(tracks, track)
	}
	v.Do(http.MethodPost, "/api/me/player/next", "")
	for _, tab := range tabs {
		_, track := tab.State(1)
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
	stage.OnlyLong(t, "gateways are restarted again and again")
	t.Parallel()
	w := liveWorld(t, 1)
	v := w.Visitor()
	v.Login("ada")
	first := v.Listen("/live/me/player")
	e, _ := first.State(0)
	again := v.Listen("/live/me/player", "Last-Event-ID", e.ID)
	v.Do(http.MethodPost, "/api/me/player/next", "")
	next, track := first.State(1)
	got, sameTrack := again.State(0)
	if got.ID != next.ID || track != sameTrack {
		t.Errorf("after the reconnection the first state is %+v, want %+v", got, next)
	}
	first.Leave()
	again.Leave()
	<-first.Done
	<-again.Done
	w.Spotify.ForgetSeen()
	for range 20 { // no storm of polls, however often a page is loaded again
		s := v.Listen("/live/me/player")
		s.State(0)
		s.Leave()
		<-s.Done
	}
	asked := polls(w)
	for i := 1; i < len(asked); i++ {
		if gap := asked[i].At.Sub(asked[i-1].At); gap < 900*time.Millisecond {
			t.Errorf("two polls are %v apart", gap)
		}
	}
	sessiontest.Eventually(t, 30*time.Second, "the polls stop", func() bool {
		before := len(polls(w))
		stage.Until(t, time.Now().Add(3500*time.Millisecond))
		return len(polls(w)) == before
	})
}

// polls are the calls for what plays.
func polls(w *stage.World) []simulator.Seen {
	return w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Method: "GET", Path: "/v1/me/player", Exact: true}})
}

// TestLiveAccount pushes an account to visitors who have no session, until it is removed; on the memory store, too, a stream
// ends with its session.
func TestLiveAccount(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 2)
	w.Visitor().Get("/onair/me/player").Expect(t, "before it is connected", http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED")
	w.ConnectAccount(t, "radio", "ada")
	w.Spotify.ForgetSeen()
	var visitors []*stage.Stream
	for i := range 20 {
		w.Through(i % 2)
		visitors = append(visitors, w.Visitor().Listen("/onair/me/player"))
	}
	for _, v := range visitors {
		if e, track := v.State(0); track == "" || !strings.Contains(e.Data, w.Accounts.URL+"/v1/") {
			t.Errorf("a visitor gets %+v", e) // the account has no route for links
		}
	}
	if asked := len(polls(w)); asked > 2 {
		t.Errorf("%d polls for 20 visitors", asked)
	}
	w.Visitor().Get("/onair/me").Expect(t, "another path", http.StatusNotFound, "PATH_REFUSED")
	w.Visitor().Do(http.MethodPost, "/onair/me/player", "").Expect(t, "a POST", http.StatusMethodNotAllowed, "METHOD_REFUSED")
	w.Visitor().Get("/onair/me/player", "Origin", "https://other.example").Expect(t, "another site", http.StatusForbidden, "CROSS_ORIGIN_REFUSED")
	w.Operate(t, "accounts", "remove", "radio")
	for _, v := range visitors {
		v.Ended()
		if v.Count("ended") != 1 {
			t.Errorf("a visitor's stream ended with %v", v.All())
		}
	}
}

// TestLiveRestart stops a replica: its streams are told when to come back, and do so on the other one.
func TestLiveRestart(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 1)
	v := w.Visitor()
	v.Login("ada")
	s := v.Listen("/live/me/player")
	e, _ := s.State(0)
	w.Replicas[0].Restart()
	s.Ended()
	again := v.Listen("/live/me/player", "Last-Event-ID", e.ID)
	v.Do(http.MethodPost, "/api/me/player/next", "")
	if got, _ := again.State(0); got.ID == e.ID {
		t.Errorf("after the restart the reader was told what it knew: %+v", got)
	}
	again.Leave()
}
