package simulator_test

import (
	"testing"
	"time"

	"stagedoor/simulator"
)

// TestRemote changes what plays past the Web API, and lets a device change tracks by itself.
func TestRemote(t *testing.T) {
	s := newStage(t, patient)
	token := s.grant("ada").AccessToken
	first := s.playing(token)
	s.control("POST", "users/ada/remote", `{"device":"Pocket phone","action":"next","every":"10s"}`)
	second := s.playing(token)
	if second.Item == first.Item || second.Device.Name != "Pocket phone" {
		t.Errorf("next on the phone makes %+v of %+v", second, first)
	}
	s.clock.advance(11 * time.Second)
	if third := s.playing(token); third.Item == second.Item || third.ProgressMS != 1000 {
		t.Errorf("the device does not change tracks by itself: %+v", third)
	}
	if err := s.Remote("ada", simulator.Remote{Action: "seek", PositionMS: 60_000}); err != nil {
		t.Fatal(err)
	}
	if got := s.playing(token); got.ProgressMS != 60_000 {
		t.Errorf("after a seek it is %+v", got)
	}
	for _, wrong := range []simulator.Remote{{Device: "none"}, {Action: "dance"}, {Action: "seek", PositionMS: -1}} {
		if s.Remote("ada", wrong) == nil {
			t.Errorf("%+v was carried out", wrong)
		}
	}
	if s.Remote("nobody", simulator.Remote{}) == nil {
		t.Error("nobody has a player")
	}
}
