package e2e

import (
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestLiveCrowd has many visitors of one account on one replica: the polls are as for one, and an event reaches all of them soon.
// It logs what a stream costs.
func TestLiveCrowd(t *testing.T) {
	visitors := 200
	if stage.Long() {
		visitors = 5000
	}
	w := liveWorld(t, 1)
	w.ConnectAccount(t, "radio", "ada")
	v := w.Visitor()
	v.Origin = "http://" + w.Replicas[0].Public()
	v.Listen("/onair/me/player").State(0)
	before := w.Replicas[0].Footprint()
	w.Spotify.ForgetSeen()
	begun := time.Now()
	var (
		mu      sync.Mutex // guards streams
		streams []*stage.Stream
		group   sync.WaitGroup
		slots   = make(chan struct{}, 50)
	)
	for range visitors {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			s, err := v.TryListen("/onair/me/player")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			streams = append(streams, s)
		})
	}
	group.Wait()
	have := func(states int) bool {
		for _, s := range streams {
			if s.Count("state") < states {
				return false
			}
		}
		return true
	}
	sessiontest.Eventually(t, time.Minute, "every visitor has the state", func() bool { return have(1) })
	after := w.Replicas[0].Footprint()
	if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	sessiontest.Eventually(t, time.Minute, "every visitor has the change", func() bool { return have(2) })
	var first, last time.Time
	for _, s := range streams {
		e, _ := s.State(1)
		if first.IsZero() || e.At.Before(first) {
			first = e.At
		}
		if e.At.After(last) {
			last = e.At
		}
	}
	asked := len(polls(w))
	t.Logf("%d visitors: %d polls in %v, the change reached the last %v after the first, %+v before, %+v after",
		visitors, asked, time.Since(begun).Round(time.Second), last.Sub(first), before, after)
	if most := int(time.Since(begun)/(2900*time.Millisecond)) + 2; asked > most {
		t.Errorf("%d polls, want at most %d", asked, most)
	}
	if each := (after.ResidentMiB - before.ResidentMiB) << 10 / visitors; stage.Long() && len(stage.BuildFlags) == 0 && each > 25 { // the race detector keeps books of its own
		t.Errorf("a stream takes %d KiB", each)
	}
	for _, s := range streams {
		s.Leave()
	}
}
