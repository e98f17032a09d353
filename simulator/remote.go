package simulator

import (
	"errors"
	"fmt"
	"time"
)

// Remote is what a user does on another device, past every app: at Spotify's own player, or with a speaker's button.
type Remote struct {
	// Device is the id or the name of the device that plays from now on; empty for the one that does.
	Device string `json:"device"`
	// Action is play, pause, next or seek; empty changes the device alone.
	Action string `json:"action"`
	// PositionMS is where seek goes to.
	PositionMS int64 `json:"position_ms"`
	// Every lets the device change tracks by itself after that time, if they are longer; zero at their end.
	Every Duration `json:"every"`
}

// Remote carries out what a user does on another device. Listeners find out by asking.
func (s *Server) Remote(user string, r Remote) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.world.homes[user]
	if h == nil {
		return errNoUser
	}
	now := s.nowLocked()
	h.settle(now)
	return h.player.remote(r, h.playlists[0].tracks(), now)
}

func (p *player) remote(r Remote, music []*track, now time.Time) error {
	if r.Device != "" {
		d := p.named(r.Device)
		if d == nil {
			return fmt.Errorf("the user has no device %q", r.Device)
		}
		p.active = d
	}
	p.every = time.Duration(r.Every)
	if p.current == nil && r.Action != "" {
		p.start("", music, 0, 0, now)
	}
	switch r.Action {
	case "":
	case "play":
		p.playing = true
	case "pause":
		p.playing = false
	case "next":
		p.skip(1, now)
	case "seek":
		to := time.Duration(r.PositionMS) * time.Millisecond
		if to < 0 || to >= p.current.length {
			return errors.New("position_ms is outside the track")
		}
		p.progress = to
	default:
		return fmt.Errorf("the action %q is unknown; send play, pause, next or seek", r.Action)
	}
	p.changed = now
	return nil
}

// named finds a device by its id or its name.
func (p *player) named(name string) *device {
	for _, d := range p.list {
		if d.id == name || d.name == name {
			return d
		}
	}
	return nil
}
