package simulator

import (
	"net/http"
	"strings"
)

type deviceObject struct {
	ID               string `json:"id"`
	IsActive         bool   `json:"is_active"`
	IsPrivateSession bool   `json:"is_private_session"`
	IsRestricted     bool   `json:"is_restricted"`
	Name             string `json:"name"`
	SupportsVolume   bool   `json:"supports_volume"`
	Type             string `json:"type"`
	VolumePercent    int    `json:"volume_percent"`
}

type contextObject struct {
	ExternalURLs links  `json:"external_urls"`
	Href         string `json:"href"`
	Type         string `json:"type"`
	URI          string `json:"uri"`
}

type playingObject struct {
	Actions              map[string]any `json:"actions"`
	Context              *contextObject `json:"context"`
	CurrentlyPlayingType string         `json:"currently_playing_type"`
	IsPlaying            bool           `json:"is_playing"`
	Item                 *trackObject   `json:"item"`
	ProgressMS           int64          `json:"progress_ms"`
	Timestamp            int64          `json:"timestamp"` // Unix milliseconds of the last change
}

type playbackObject struct {
	Device       deviceObject `json:"device"`
	RepeatState  string       `json:"repeat_state"`
	ShuffleState bool         `json:"shuffle_state"`
	SmartShuffle bool         `json:"smart_shuffle"`
	playingObject
}

// contextObject shows what is played from; nil for a loose list of tracks.
func (c *call) contextObject(uri string) *contextObject {
	parts := strings.Split(uri, ":")
	if len(parts) != 3 {
		return nil
	}
	return &contextObject{
		ExternalURLs: c.external(parts[1], parts[2]), Href: c.base + "/" + parts[1] + "s/" + parts[2], Type: parts[1], URI: uri,
	}
}

func (c *call) deviceObject(d *device) deviceObject {
	return deviceObject{
		ID: d.id, IsActive: d == c.home.player.active, Name: d.name, SupportsVolume: true, Type: d.kind, VolumePercent: d.volume,
	}
}

func (c *call) playing() playingObject {
	p := c.home.player
	item := c.trackObject(p.current)
	disallowed := map[string]bool{"resuming": true}
	if !p.playing {
		disallowed = map[string]bool{"pausing": true}
	}
	return playingObject{
		Actions: map[string]any{"disallows": disallowed}, Context: c.contextObject(p.context), CurrentlyPlayingType: "track",
		IsPlaying: p.playing, Item: &item, ProgressMS: p.progress.Milliseconds(), Timestamp: p.changed.UnixMilli(),
	}
}

func (p *player) idle() bool { return p.active == nil || p.current == nil }

func (c *call) playback() (answer, error) {
	p := c.home.player
	if p.idle() {
		return answer{status: http.StatusNoContent}, nil
	}
	return answer{body: playbackObject{
		Device: c.deviceObject(p.active), RepeatState: p.repeat, ShuffleState: p.shuffled, playingObject: c.playing(),
	}}, nil
}

func (c *call) currentlyPlaying() (answer, error) {
	if c.home.player.idle() {
		return answer{status: http.StatusNoContent}, nil
	}
	return answer{body: c.playing()}, nil
}

func (c *call) devices() (answer, error) {
	list := []deviceObject{}
	for _, d := range c.home.player.list {
		list = append(list, c.deviceObject(d))
	}
	return answer{body: map[string]any{"devices": list}}, nil
}

func (c *call) queue() (answer, error) {
	p := c.home.player
	body := struct {
		Current *trackObject  `json:"currently_playing"`
		Queue   []trackObject `json:"queue"`
	}{Queue: []trackObject{}}
	if !p.idle() {
		current := c.trackObject(p.current)
		body.Current = &current
		for _, t := range p.upcoming() {
			body.Queue = append(body.Queue, c.trackObject(t))
		}
	}
	return answer{body: body}, nil
}
