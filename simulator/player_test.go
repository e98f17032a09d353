package simulator_test

import (
	"strings"
	"testing"
	"time"

	"stagedoor/simulator"
)

// playing is what GET /me/player says.
type playing struct {
	Device       struct{ ID, Name string }
	IsPlaying    bool   `json:"is_playing"`
	ProgressMS   int64  `json:"progress_ms"`
	RepeatState  string `json:"repeat_state"`
	ShuffleState bool   `json:"shuffle_state"`
	Item         struct {
		URI        string
		DurationMS int64 `json:"duration_ms"`
	}
	Context struct{ URI string }
}

func (s *stage) playing(token string) playing {
	s.t.Helper()
	var p playing
	s.api(token, "GET", "/me/player", "").json(s.t, &p)
	return p
}

// command sends a player command and checks that it worked, in one of the ways in which they do.
func (s *stage) command(token, method, path, body string) {
	s.t.Helper()
	a := s.api(token, method, "/me/player"+path, body)
	switch {
	case a.StatusCode == 202 && a.body == "", a.StatusCode == 204:
	case a.StatusCode == 200 && a.body != "" && !strings.ContainsAny(a.body[:1], `{["`):
	default:
		s.t.Errorf("%s %s: %d %q", method, path, a.StatusCode, a.body)
	}
}

// patient makes tokens that outlive an afternoon of music.
func patient(o *simulator.Options) { o.TokenLifetime = 72 * time.Hour }

func TestMusicPlaysOn(t *testing.T) {
	s := newStage(t, patient)
	token := s.grant("ada").AccessToken
	first := s.playing(token)
	if !first.IsPlaying || first.ProgressMS != 42_000 || first.Context.URI == "" {
		t.Fatalf("ada's player is %+v", first)
	}
	s.clock.advance(10 * time.Second)
	if got := s.playing(token); got.ProgressMS != 52_000 || got.Item != first.Item {
		t.Errorf("ten seconds later it is %+v", got)
	}
	s.clock.advance(time.Duration(first.Item.DurationMS) * time.Millisecond)
	second := s.playing(token)
	if second.Item == first.Item || second.ProgressMS != 52_000 {
		t.Errorf("a track later it is %+v", second)
	}
	var recent struct {
		Items []struct{ Track struct{ URI string } }
	}
	s.api(token, "GET", "/me/player/recently-played?limit=1", "").json(t, &recent)
	if recent.Items[0].Track.URI != first.Item.URI {
		t.Errorf("the history begins with %+v", recent.Items[0])
	}
	s.command(token, "PUT", "/pause", "")
	s.clock.advance(time.Hour)
	if got := s.playing(token); got.IsPlaying || got.ProgressMS != 52_000 {
		t.Errorf("after an hour of pause it is %+v", got)
	}
	a := s.api(token, "PUT", "/me/player/pause", "")
	if a.StatusCode != 403 || !strings.Contains(a.body, `"reason":"UNKNOWN"`) {
		t.Errorf("pausing twice: %d %s", a.StatusCode, a.body)
	}
	s.command(token, "PUT", "/play", "")
	s.clock.advance(24 * time.Hour)
	if got := s.playing(token); !got.IsPlaying {
		t.Errorf("a repeated playlist ended: %+v", got)
	}
}

func TestCommandsChangeThePlayer(t *testing.T) {
	s := newStage(t, patient)
	token := s.grant("ada").AccessToken
	list := uris(s, token, playlistOf(s, token))
	three := `"` + strings.Join(list[:3], `","`) + `"`
	s.command(token, "PUT", "/play", `{"uris":[`+three+`],"offset":{"uri":"`+list[1]+`"},"position_ms":5000}`)
	if got := s.playing(token); got.Item.URI != list[1] || got.ProgressMS != 5000 || got.Context.URI != "" {
		t.Errorf("play: %+v", got)
	}
	s.command(token, "POST", "/queue?uri="+list[5], "")
	var queue struct{ Queue []struct{ URI string } }
	s.api(token, "GET", "/me/player/queue", "").json(t, &queue)
	if len(queue.Queue) != 2 || queue.Queue[0].URI != list[5] || queue.Queue[1].URI != list[2] {
		t.Errorf("the queue is %+v", queue)
	}
	for i, want := range []string{list[5], list[2]} {
		s.command(token, "POST", "/next", "")
		if got := s.playing(token); got.Item.URI != want {
			t.Errorf("next %d: %+v", i, got)
		}
	}
	s.command(token, "POST", "/previous", "")
	s.command(token, "PUT", "/seek?position_ms=7000", "")
	s.command(token, "PUT", "/repeat?state=track", "")
	s.command(token, "PUT", "/shuffle?state=true", "")
	got := s.playing(token)
	if got.Item.URI != list[1] || got.ProgressMS != 7000 || got.RepeatState != "track" || !got.ShuffleState {
		t.Errorf("after four commands: %+v", got)
	}
	s.clock.advance(time.Duration(got.Item.DurationMS) * time.Millisecond)
	if again := s.playing(token); again.Item != got.Item || again.ProgressMS != 7000 {
		t.Errorf("a repeated track: %+v", again)
	}
	s.command(token, "PUT", "/shuffle?state=false", "")
	s.command(token, "PUT", "/repeat?state=off", "")
	s.clock.advance(time.Hour)
	if got := s.playing(token); got.IsPlaying {
		t.Errorf("a list without repeat plays on: %+v", got)
	}
}

func TestIdlePlayerAndDevices(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("chloe").AccessToken
	for _, path := range []string{"/me/player", "/me/player/currently-playing"} {
		if a := s.api(token, "GET", path, ""); a.StatusCode != 204 || a.body != "" {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.body)
		}
	}
	if a := s.api(token, "PUT", "/me/player/play", ""); a.StatusCode != 404 || !strings.Contains(a.body, "NO_ACTIVE_DEVICE") {
		t.Errorf("play: %d %s", a.StatusCode, a.body)
	}
	var list struct {
		Devices []struct {
			ID       string
			IsActive bool `json:"is_active"`
		}
	}
	s.api(token, "GET", "/me/player/devices", "").json(t, &list)
	s.command(token, "PUT", "", `{"device_ids":["`+list.Devices[1].ID+`"]}`)
	s.command(token, "PUT", "/volume?volume_percent=11", "")
	s.command(token, "PUT", "/play", `{"context_uri":"spotify:playlist:`+playlistOf(s, token)+`","offset":{"position":2}}`)
	if got := s.playing(token); got.Device.ID != list.Devices[1].ID || !got.IsPlaying {
		t.Errorf("after the transfer: %+v", got)
	}
	if a := s.api(token, "GET", "/me/player", ""); !strings.Contains(a.body, `"volume_percent":11`) {
		t.Errorf("the volume did not change: %s", a.body)
	}
}

func TestPlayerRefusals(t *testing.T) {
	s := newStage(t, nil)
	ada, ben := s.grant("ada").AccessToken, s.grant("ben").AccessToken
	for name, c := range map[string]struct {
		token, method, path, body string
		status                    int
	}{
		"free user":       {ben, "PUT", "/pause", "", 403},
		"unknown device":  {ada, "PUT", "/pause?device_id=x", "", 404},
		"playing already": {ada, "PUT", "/play", "", 403},
		"volume":          {ada, "PUT", "/volume?volume_percent=101", "", 400},
		"no volume":       {ada, "PUT", "/volume", "", 400},
		"seek":            {ada, "PUT", "/seek?position_ms=-1", "", 400},
		"seek too far":    {ada, "PUT", "/seek?position_ms=9999999", "", 400},
		"repeat":          {ada, "PUT", "/repeat?state=always", "", 400},
		"shuffle":         {ada, "PUT", "/shuffle?state=1", "", 400},
		"queue":           {ada, "POST", "/queue?uri=x", "", 400},
		"context":         {ada, "PUT", "/play", `{"context_uri":"spotify:playlist:x"}`, 400},
		"both":            {ada, "PUT", "/play", `{"context_uri":"spotify:playlist:x","uris":["x"]}`, 400},
		"two devices":     {ada, "PUT", "", `{"device_ids":["a","b"]}`, 400},
		"malformed":       {ada, "PUT", "/play", `{`, 400},
	} {
		if a := s.api(c.token, c.method, "/me/player"+c.path, c.body); a.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", name, a.StatusCode, a.body, c.status)
		}
	}
}
