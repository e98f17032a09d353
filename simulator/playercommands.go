package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// opaqueText is what Spotify's player puts into a 200: no JSON, and nothing that anybody explains.
const opaqueText = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"

// The three ways in which player commands say that they worked. Which command gets which is arbitrary, so that no
// client can rely on it.
var (
	saidNothing  = answer{status: http.StatusNoContent}
	saidAccepted = answer{status: http.StatusAccepted}
	saidOpaque   = answer{status: http.StatusOK, text: opaqueText}
)

func playerError(status int, message, reason string) error {
	return &apiError{status: status, message: "Player command failed: " + message, reason: reason}
}

// commanded returns the player, once it is clear that it obeys: a premium user, and a device.
func (c *call) commanded() (*player, error) {
	p := c.home.player
	if !c.home.user.premium() {
		return nil, playerError(http.StatusForbidden, "Premium required", "PREMIUM_REQUIRED")
	}
	if id := c.query.Get("device_id"); c.query.Has("device_id") {
		d := p.device(id)
		if d == nil {
			return nil, playerError(http.StatusNotFound, "Device not found", "DEVICE_NOT_FOUND")
		}
		p.active = d
	}
	if p.active == nil {
		return nil, playerError(http.StatusNotFound, "No active device found", "NO_ACTIVE_DEVICE")
	}
	return p, nil
}

// loaded is commanded for commands that need music.
func (c *call) loaded() (*player, error) {
	p, err := c.commanded()
	if err == nil && p.current == nil {
		err = playerError(http.StatusForbidden, "Restriction violated", "UNKNOWN")
	}
	return p, err
}

func (c *call) transfer() (answer, error) {
	var body struct {
		DeviceIDs []string `json:"device_ids"`
		Play      bool     `json:"play"`
	}
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if len(body.DeviceIDs) != 1 {
		return answer{}, refuse(http.StatusBadRequest, "Send exactly one device id")
	}
	c.query.Set("device_id", body.DeviceIDs[0])
	p, err := c.commanded()
	if err != nil {
		return answer{}, err
	}
	if body.Play && p.current != nil {
		p.playing = true
	}
	p.changed = c.now
	return saidAccepted, nil
}

type playBody struct {
	Context string   `json:"context_uri"`
	URIs    []string `json:"uris"`
	Offset  *struct {
		Position *int   `json:"position"`
		URI      string `json:"uri"`
	} `json:"offset"`
	PositionMS int64 `json:"position_ms"`
}

// play resumes, or plays what the body names.
func (c *call) play() (answer, error) {
	var body playBody
	if len(c.body) > 0 {
		if err := c.decode(&body); err != nil {
			return answer{}, err
		}
	}
	p, err := c.commanded()
	if err != nil {
		return answer{}, err
	}
	if body.Context == "" && len(body.URIs) == 0 {
		if p.current == nil || p.playing {
			return answer{}, playerError(http.StatusForbidden, "Restriction violated", "UNKNOWN")
		}
		p.playing, p.changed = true, c.now
		return saidOpaque, nil
	}
	tracks, err := c.playable(body)
	if err != nil {
		return answer{}, err
	}
	at, err := body.first(tracks)
	if err != nil {
		return answer{}, err
	}
	progress := time.Duration(body.PositionMS) * time.Millisecond
	if progress < 0 || progress >= tracks[at].length {
		return answer{}, refuse(http.StatusBadRequest, "Invalid position_ms")
	}
	p.start(body.Context, tracks, at, progress, c.now)
	return saidOpaque, nil
}

// playable finds the tracks of a context or of a list of URIs.
func (c *call) playable(body playBody) ([]*track, error) {
	if body.Context != "" && len(body.URIs) > 0 {
		return nil, refuse(http.StatusBadRequest, "Send context_uri or uris, not both")
	}
	if body.Context == "" {
		return c.tracksOf(body.URIs)
	}
	var tracks []*track
	switch kind, id, _ := strings.Cut(strings.TrimPrefix(body.Context, "spotify:"), ":"); kind {
	case "album":
		if b := c.world.songs.album[id]; b != nil {
			tracks = b.tracks
		}
	case "artist":
		if a := c.world.songs.artist[id]; a != nil {
			for _, b := range a.albums {
				tracks = append(tracks, b.tracks...)
			}
		}
	case "playlist":
		if p := c.world.playlists[id]; p != nil && (p.public || c.owns(p)) {
			tracks = p.tracks()
		}
	}
	if len(tracks) == 0 || !strings.HasPrefix(body.Context, "spotify:") {
		return nil, refuse(http.StatusBadRequest, "Invalid context uri")
	}
	return tracks, nil
}

// first is the index of the track to begin with.
func (b *playBody) first(tracks []*track) (int, error) {
	at := 0
	switch {
	case b.Offset == nil:
	case b.Offset.Position != nil:
		at = *b.Offset.Position
	default:
		at = slices.IndexFunc(tracks, func(t *track) bool { return t.uri() == b.Offset.URI })
	}
	if at < 0 || at >= len(tracks) {
		return 0, refuse(http.StatusBadRequest, "Invalid offset")
	}
	return at, nil
}

func (c *call) pause() (answer, error) {
	p, err := c.loaded()
	if err == nil && !p.playing {
		err = playerError(http.StatusForbidden, "Restriction violated", "UNKNOWN")
	}
	if err != nil {
		return answer{}, err
	}
	p.playing, p.changed = false, c.now
	return saidOpaque, nil
}

func (c *call) next() (answer, error)     { return c.skip(1) }
func (c *call) previous() (answer, error) { return c.skip(-1) }

func (c *call) skip(by int) (answer, error) {
	p, err := c.loaded()
	if err != nil {
		return answer{}, err
	}
	p.skip(by, c.now)
	return saidNothing, nil
}

func (c *call) seek() (answer, error) {
	p, err := c.loaded()
	if err != nil {
		return answer{}, err
	}
	ms, err := c.number("position_ms", -1, 0, int(p.current.length.Milliseconds())-1)
	if err != nil || ms < 0 {
		return answer{}, refuse(http.StatusBadRequest, "Invalid position_ms")
	}
	p.progress, p.changed = time.Duration(ms)*time.Millisecond, c.now
	return saidOpaque, nil
}

func (c *call) volume() (answer, error) {
	percent, err := c.number("volume_percent", -1, 0, 100)
	if err != nil || percent < 0 {
		return answer{}, refuse(http.StatusBadRequest, "Invalid volume_percent")
	}
	p, err := c.commanded()
	if err != nil {
		return answer{}, err
	}
	p.active.volume = percent
	return saidNothing, nil
}

func (c *call) shuffle() (answer, error) {
	on, err := c.flag("state")
	if err != nil {
		return answer{}, err
	}
	p, err := c.commanded()
	if err != nil {
		return answer{}, err
	}
	p.shuffle(on)
	return saidOpaque, nil
}

func (c *call) repeat() (answer, error) {
	mode := c.query.Get("state")
	if mode != repeatOff && mode != repeatTrack && mode != repeatContext {
		return answer{}, refuse(http.StatusBadRequest, "Invalid state")
	}
	p, err := c.commanded()
	if err != nil {
		return answer{}, err
	}
	p.repeat = mode
	return saidOpaque, nil
}

func (c *call) enqueue() (answer, error) {
	tracks, err := c.tracksOf([]string{c.query.Get("uri")})
	if err != nil {
		return answer{}, err
	}
	p, err := c.loaded()
	if err != nil {
		return answer{}, err
	}
	p.queue = append(p.queue, tracks...)
	return saidOpaque, nil
}
