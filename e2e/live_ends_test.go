package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestLiveGrantEnds ends a grant while nothing plays, so that no poll is near: an ordinary request finds out, on one replica.
// The streams of both end, on a cluster of Redis as well, which does not report what is written.
func TestLiveGrantEnds(t *testing.T) {
	t.Parallel()
	for _, cluster := range []bool{false, true} {
		t.Run(fmt.Sprintf("cluster %t", cluster), func(t *testing.T) {
			t.Parallel()
			w := stage.NewWorld(t, stage.Options{
				Replicas: 2, Spotify: stage.Listener, Routes: stage.Pages{}.Route(t, stage.LiveRoute, stage.UserRoute),
				Prepare: func(w *stage.World) {
					if !cluster {
						return
					}
					var addresses []string
					for _, node := range sessiontest.StartRedisCluster(t, 3) {
						addresses = append(addresses, fmt.Sprintf("%q", node.Addr()))
					}
					w.Store = "addresses: [" + strings.Join(addresses, ", ") + "]\ntimeout: 2s\nusername: \"\" # the least rights of a test are for one server"
				},
			})
			if err := w.Spotify.Remote("ada", simulator.Remote{Action: "pause"}); err != nil {
				t.Fatal(err)
			}
			v := w.Visitor()
			v.Login("ada")
			var tabs []*stage.Stream
			for i := range 2 {
				w.Through(i)
				tabs = append(tabs, v.Listen("/live/me/player"))
				tabs[i].State(0)
			}
			if _, err := w.Spotify.RevokeUser("ada"); err != nil {
				t.Fatal(err)
			}
			w.Spotify.ExpireAccessTokens()
			w.Through(0)
			v.Get("/api/me").Expect(t, "after the revocation", http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED")
			known := time.Now()
			for i, tab := range tabs {
				tab.Ended()
				t.Logf("the stream on replica %d ended after %v", i, time.Since(known))
				if last := tab.All()[len(tab.All())-1]; last.Name != "ended" || !strings.Contains(last.Data, "REAUTHORIZATION_REQUIRED") ||
					time.Since(known) > 2*time.Second+slack/2 {
					t.Errorf("the stream on replica %d ended after %v with %+v", i, time.Since(known), last)
				}
			}
		})
	}
}

// TestLiveTimeouts leaves a stream open beyond the idle timeout, which an open stream puts off, up to the absolute one.
func TestLiveTimeouts(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"redis", "memory"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			w := stage.NewWorld(t, stage.Options{
				Spotify: stage.Listener, Session: "store: " + store + "\nidle_timeout: 3s\nmax_lifetime: 15s",
				Routes: stage.Pages{}.Route(t, stage.LiveRoute, stage.UserRoute),
			})
			v, idle := w.Visitor(), w.Visitor()
			idle.Login("ada")
			v.Login("ada")
			begun := time.Now()
			s := v.Listen("/live/me/player")
			s.State(0)
			s.Ended()
			took := time.Since(begun)
			if last := s.All()[len(s.All())-1]; last.Name != "ended" || !strings.Contains(last.Data, "LOGIN_REQUIRED") {
				t.Errorf("the stream ended with %+v", last)
			}
			if took < 12*time.Second || took > 15*time.Second+slack+2*time.Second {
				t.Errorf("the stream lasted %v", took)
			}
			idle.Get("/api/me").Expect(t, "the session without a stream", http.StatusUnauthorized, "LOGIN_REQUIRED")
		})
	}
}

// TestLiveReload takes a path, and then the route, away with SIGHUP. Their streams end, so that readers come back and get what is
// so; the others go on.
func TestLiveReload(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{
		Spotify: "scopes: [user-read-playback-state, user-modify-playback-state, user-read-currently-playing]",
		Routes:  stage.Pages{}.Route(t, stage.LiveRoute, stage.UserRoute),
	})
	v := w.Visitor()
	v.Login("ada")
	player, queue := v.Listen("/live/me/player"), v.Listen("/live/me/player/queue")
	player.State(0)
	queue.State(0)
	reload := func(old, replacement string) {
		t.Helper()
		file := w.Replicas[0].Config
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatalf("%v, or no %q in\n%s", err, old, text)
		}
		stage.WriteFile(t, file, strings.Replace(string(text), old, replacement, 1))
		w.Replicas[0].Signal(syscall.SIGHUP)
	}
	reload("live: [me/player, me/player/queue]", "live: [me/player]")
	queue.Ended()
	if queue.Count("ended") != 0 {
		t.Errorf("the readers are told not to come back: %v", queue.All())
	}
	v.Get("/live/me/player/queue").Expect(t, "the path that is gone", http.StatusNotFound, "PATH_REFUSED")
	v.Do(http.MethodPost, "/api/me/player/next", "")
	player.State(1)
	reload("path: /live/", "path: /pushed/")
	player.Ended()
	again := v.Listen("/pushed/me/player")
	again.State(0)
	again.Leave()
}

// TestLiveNothingAfterEnded lets logouts race with changes, on two replicas: no stream has an event after its last.
func TestLiveNothingAfterEnded(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, 2)
	for round := range 10 {
		v := w.Visitor()
		v.Login("ada")
		var tabs []*stage.Stream
		for i := range 4 {
			w.Through(i % 2)
			tabs = append(tabs, v.Listen("/live/me/player"))
		}
		for _, tab := range tabs {
			tab.State(0)
		}
		w.Through(round % 2)
		var both sync.WaitGroup
		both.Go(func() { v.Do(http.MethodPost, "/api/me/player/next", "") })
		both.Go(func() {
			stage.Until(t, time.Now().Add(time.Duration(round)*40*time.Millisecond))
			v.Do(http.MethodPost, "/auth/logout", "").Expect(t, "logout", http.StatusNoContent, "")
		})
		both.Wait()
		for i, tab := range tabs {
			tab.Ended()
			events := tab.All()
			if tab.Count("ended") != 1 || events[len(events)-1].Name != "ended" {
				t.Errorf("round %d, tab %d: %v", round, i, events)
			}
		}
	}
}
