package simulator

import (
	"math/rand/v2"
	"slices"
	"time"
)

// The repeat modes of a player.
const (
	repeatOff     = "off"
	repeatTrack   = "track"
	repeatContext = "context"
)

// historySize is how much of the listening history is kept.
const historySize = 50

// device is something that plays.
type device struct {
	id, name, kind string
	volume         int // percent
}

// player is one user's playback. It moves by settle alone: what it shows is true at its time `since`.
type player struct {
	list     []*device
	active   *device // nil: nothing is connected, and the player is idle
	context  string  // URI; empty for a list of tracks
	ordered  []*track
	tracks   []*track // ordered, or shuffled
	at       int      // index into tracks
	current  *track   // nil: nothing was ever played
	queue    []*track
	playing  bool
	progress time.Duration
	since    time.Time
	changed  time.Time
	shuffled bool
	repeat   string
	every    time.Duration // after which the device goes on by itself; zero for the end of the track
}

func newPlayer(u *User) *player {
	return &player{
		repeat: repeatOff,
		list: []*device{
			{id: deviceID(u, "laptop"), name: "Kitchen laptop", kind: "Computer", volume: 64},
			{id: deviceID(u, "phone"), name: "Pocket phone", kind: "Smartphone", volume: 80},
			{id: deviceID(u, "speaker"), name: "Shelf speaker", kind: "Speaker", volume: 35},
		},
	}
}

// deviceID looks like Spotify's: forty hex digits or letters.
func deviceID(u *User, name string) string {
	return makeID("device", u.ID+name) + makeID("device", name+u.ID)[:18]
}

// start plays a list from one of its tracks.
func (p *player) start(context string, tracks []*track, at int, progress time.Duration, now time.Time) {
	if p.active == nil {
		p.active = p.list[0]
	}
	p.context, p.ordered, p.tracks, p.at = context, tracks, tracks, at
	p.load(tracks[at], now)
	p.progress = progress
	p.playing = true
	if p.shuffled {
		p.shuffle(true)
	}
}

// load puts a track on, at its beginning.
func (p *player) load(t *track, now time.Time) {
	p.current, p.progress, p.since, p.changed = t, 0, now, now
}

// settle moves the user's player to now, and writes the history of what ended meanwhile.
func (h *home) settle(now time.Time) {
	p := h.player
	for p.playing {
		end := p.since.Add(max(p.length()-p.progress, 0))
		if end.After(now) {
			break
		}
		h.recent = slices.Insert(h.recent, 0, played{track: p.current, at: end, context: p.context})
		h.recent = h.recent[:min(len(h.recent), historySize)]
		if p.repeat == repeatTrack {
			p.load(p.current, end)
		} else {
			p.skip(1, end)
		}
	}
	if p.playing {
		p.progress += now.Sub(p.since)
	}
	p.since = now
}

// length is how long the track plays.
func (p *player) length() time.Duration {
	if p.every > 0 {
		return min(p.every, p.current.length)
	}
	return p.current.length
}

// skip goes on to the queue, or by one in the list. Beyond the end it begins again, and stops unless the context
// repeats.
func (p *player) skip(by int, now time.Time) {
	if by > 0 && len(p.queue) > 0 {
		next := p.queue[0]
		p.queue = p.queue[1:]
		p.load(next, now)
		return
	}
	p.at += by
	if p.at < 0 {
		p.at = 0
	}
	if p.at >= len(p.tracks) {
		p.at = 0
		p.playing = p.repeat == repeatContext
	}
	p.load(p.tracks[p.at], now)
}

// shuffle mixes what is still to come, or restores the order.
func (p *player) shuffle(on bool) {
	p.shuffled = on
	if len(p.tracks) == 0 {
		return
	}
	current := p.tracks[p.at]
	if !on {
		p.tracks = p.ordered
		p.at = max(0, slices.Index(p.ordered, current))
		return
	}
	p.tracks = slices.Clone(p.tracks)
	rest := p.tracks[p.at+1:]
	rand.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
}

// upcoming is the queue, and then the list up to 20 in all.
func (p *player) upcoming() []*track {
	list := slices.Clone(p.queue)
	if p.at+1 < len(p.tracks) {
		list = append(list, p.tracks[p.at+1:]...)
	}
	return list[:min(len(list), 20)]
}

func (p *player) device(id string) *device {
	for _, d := range p.list {
		if d.id == id {
			return d
		}
	}
	return nil
}
