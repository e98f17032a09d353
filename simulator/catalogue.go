package simulator

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"
)

// catalogue is all the music there is. It never changes, so it needs no lock.
type catalogue struct {
	artists []*artist
	albums  []*album
	tracks  []*track

	artist map[string]*artist // by id, as the next two
	album  map[string]*album
	track  map[string]*track
}

type artist struct {
	id, name, genre string
	albums          []*album
}

type album struct {
	id, name string
	artist   *artist
	released string // a day
	tracks   []*track
}

type track struct {
	id, name string
	album    *album
	number   int
	length   time.Duration
	explicit bool
}

func (t *track) artist() *artist { return t.album.artist }
func (t *track) uri() string     { return "spotify:track:" + t.id }

// newCatalogue makes the same music every time.
func newCatalogue() *catalogue {
	c := &catalogue{artist: map[string]*artist{}, album: map[string]*album{}, track: map[string]*track{}}
	random := rand.New(rand.NewPCG(2026, 11))
	for _, from := range bands {
		a := &artist{id: makeID("artist", from.name), name: from.name, genre: from.genre}
		c.artists, c.artist[a.id] = append(c.artists, a), a
		for i, name := range from.albums {
			c.addAlbum(random, a, name, 2009+random.IntN(8)+8*i)
		}
	}
	return c
}

func (c *catalogue) addAlbum(random *rand.Rand, by *artist, name string, year int) {
	b := &album{
		id: makeID("album", by.name+name), name: name, artist: by,
		released: fmt.Sprintf("%d-%02d-%02d", year, 1+random.IntN(12), 1+random.IntN(28)),
	}
	by.albums = append(by.albums, b)
	c.albums, c.album[b.id] = append(c.albums, b), b
	for number := range 8 + random.IntN(4) {
		t := &track{
			id: makeID("track", fmt.Sprint(b.id, number)), name: trackTitle(random), album: b, number: number + 1,
			length:   time.Duration(130_000+random.IntN(190_000)) * time.Millisecond,
			explicit: random.IntN(12) == 0,
		}
		b.tracks = append(b.tracks, t)
		c.tracks, c.track[t.id] = append(c.tracks, t), t
	}
}

func trackTitle(random *rand.Rand) string {
	first, second := titleStarts[random.IntN(len(titleStarts))], titleEnds[random.IntN(len(titleEnds))]
	return first + " " + second
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// idLength is the length of Spotify's ids, which are base62.
const idLength = 22

// makeID derives an id that looks like Spotify's and is the same every time.
func makeID(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	id := new(big.Int).SetBytes(sum[:]).Text(62)
	return id[len(id)-idLength:]
}

func isID(text string) bool { return len(text) == idLength && strings.Trim(text, base62) == "" }
