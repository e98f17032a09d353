package simulator

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

const (
	// sampleSize is how many playlists everybody has: three pages of 20.
	sampleSize = 55
	// longest is how many items the first playlist has: more than the 50 of one page, and than the 100 of one call.
	longest = 123
)

// world is what the API side can change. It is guarded by Server.mu.
type world struct {
	songs     *catalogue
	homes     map[string]*home     // by user id
	playlists map[string]*playlist // by id
	serial    int                  // of new playlists and snapshots
}

// home is one user's library and player.
type home struct {
	user      *User
	playlists []*playlist // in the order of the library, own and followed ones
	tracks    shelf
	albums    shelf
	artists   shelf
	top       []*track
	recent    []played // newest first
	player    *player
}

// played is an entry of the listening history.
type played struct {
	track   *track
	at      time.Time
	context string // URI, may be empty
}

func newWorld(songs *catalogue, users []*User, now time.Time) *world {
	w := &world{songs: songs, homes: map[string]*home{}, playlists: map[string]*playlist{}}
	for _, u := range users {
		w.homes[u.ID] = w.furnish(u, now)
	}
	if len(users) > 1 { // the first user follows a playlist of the second
		first, second := w.homes[users[0].ID], w.homes[users[1].ID]
		first.playlists[3] = second.playlists[0]
	}
	return w
}

// furnish makes up a user's library, the same for the same id.
func (w *world) furnish(u *User, now time.Time) *home {
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(u.ID)) // never fails
	random := rand.New(rand.NewPCG(seed.Sum64(), 7))
	h := &home{user: u}
	shuffled := make([]*track, len(w.songs.tracks))
	for i, from := range random.Perm(len(shuffled)) {
		shuffled[i] = w.songs.tracks[from]
	}
	at := func(i int) time.Time { return now.Add(-time.Duration(i+1) * 31 * time.Hour).Truncate(time.Second) }
	for i, t := range shuffled[:73] {
		h.tracks.append(t.id, at(i))
	}
	for i, from := range random.Perm(len(w.songs.albums))[:12] {
		h.albums.append(w.songs.albums[from].id, at(i))
	}
	for i, from := range random.Perm(len(w.songs.artists))[:6] {
		h.artists.append(w.songs.artists[from].id, at(i))
	}
	h.top = shuffled[73:133]
	for i, t := range shuffled[:historySize] {
		ended := now.Add(-time.Duration(i+1) * 4 * time.Minute).Truncate(time.Millisecond)
		h.recent = append(h.recent, played{track: t, at: ended})
	}
	for i := range sampleSize {
		h.playlists = append(h.playlists, w.samplePlaylist(h, i, random, now))
	}
	h.player = newPlayer(u)
	if u.Listening {
		p := h.playlists[0]
		h.player.start(p.uri(), p.tracks(), 0, 42*time.Second, now)
		h.player.repeat = repeatContext
	}
	return h
}

func (w *world) samplePlaylist(h *home, i int, random *rand.Rand, now time.Time) *playlist {
	name := playlistStarts[i%len(playlistStarts)] + " " + playlistEnds[i%len(playlistEnds)]
	p := &playlist{
		id: makeID("playlist", fmt.Sprint(h.user.ID, i)), name: name, owner: h.user.ID,
		description: fmt.Sprintf("Made up for %s", h.user.Name), public: i%4 != 2, collaborative: i%4 == 2 && i%3 == 0,
	}
	size := 5 + random.IntN(30)
	if i == 0 {
		size = longest
	}
	for n, from := range random.Perm(len(w.songs.tracks))[:size] {
		added := now.Add(-time.Duration(i*24+n+1) * time.Hour).Truncate(time.Second)
		p.items = append(p.items, playlistItem{track: w.songs.tracks[from], addedBy: h.user.ID, addedAt: added})
	}
	w.playlists[p.id] = p
	w.touch(p)
	return p
}

// touch gives a playlist a new snapshot.
func (w *world) touch(p *playlist) {
	w.serial++
	p.snapshot = makeID("snapshot", fmt.Sprint(p.id, w.serial))
}
