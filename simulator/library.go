package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// mostIDs and mostLibraryURIs are how many one call takes.
const (
	mostIDs         = 50
	mostLibraryURIs = 40
)

type savedTrack struct {
	AddedAt string      `json:"added_at"`
	Track   trackObject `json:"track"`
}

type savedAlbum struct {
	AddedAt string      `json:"added_at"`
	Album   albumObject `json:"album"`
}

func (c *call) savedTracks() (answer, error) {
	p, err := paged(c, c.path, c.home.tracks.entries, listLimits, func(e saved) savedTrack {
		return savedTrack{AddedAt: stamp(e.at), Track: c.trackObject(c.world.songs.track[e.id])}
	})
	return answer{body: p}, err
}

func (c *call) savedAlbums() (answer, error) {
	p, err := paged(c, c.path, c.home.albums.entries, listLimits, func(e saved) savedAlbum {
		return savedAlbum{AddedAt: stamp(e.at), Album: c.albumObject(c.world.songs.album[e.id])}
	})
	return answer{body: p}, err
}

// trackIDs reads the ids of a call from the query, or where the method allows one, from the body.
func (c *call) trackIDs() ([]string, error) {
	var ids []string
	if text := c.query.Get("ids"); text != "" {
		ids = strings.Split(text, ",")
	} else if len(c.body) > 0 {
		var body struct {
			IDs []string `json:"ids"`
		}
		if err := c.decode(&body); err != nil {
			return nil, err
		}
		ids = body.IDs
	}
	if len(ids) == 0 || len(ids) > mostIDs {
		return nil, refuse(http.StatusBadRequest, "Send between 1 and 50 ids")
	}
	for _, id := range ids {
		if _, ok := c.world.songs.track[id]; !ok {
			return nil, refuse(http.StatusBadRequest, "Invalid base62 id")
		}
	}
	return ids, nil
}

func (c *call) saveTracks() (answer, error) {
	ids, err := c.trackIDs()
	for _, id := range ids {
		c.home.tracks.put(id, c.now)
	}
	return answer{}, err
}

func (c *call) removeTracks() (answer, error) {
	ids, err := c.trackIDs()
	for _, id := range ids {
		c.home.tracks.remove(id)
	}
	return answer{}, err
}

func (c *call) containsTracks() (answer, error) {
	ids, err := c.trackIDs()
	list := make([]bool, len(ids))
	for i, id := range ids {
		list[i] = c.home.tracks.has(id)
	}
	return answer{body: list}, err
}

// following lists the followed artists; its pages are chained by the last id.
func (c *call) following() (answer, error) {
	if c.query.Get("type") != "artist" {
		return answer{}, refuse(http.StatusBadRequest, "Invalid type")
	}
	limit, err := c.number("limit", listLimits.usual, 1, listLimits.most)
	if err != nil {
		return answer{}, err
	}
	entries := c.home.artists.entries
	first := 0
	if after := c.query.Get("after"); after != "" {
		first = c.home.artists.index(after) + 1
	}
	p := cursorPage[artistObject]{
		Href: c.cursorLink(c.query), Items: []artistObject{}, Limit: limit, Total: len(entries),
	}
	for _, e := range entries[first:min(len(entries), first+limit)] {
		p.Items = append(p.Items, c.artistObject(c.world.songs.artist[e.id]))
		p.Cursors.After = e.id
	}
	if first+limit < len(entries) {
		p.Next = c.nextLink("after", p.Cursors.After)
	} else {
		p.Cursors.After = ""
	}
	return answer{body: map[string]any{"artists": p}}, nil
}

// thing is something that /me/library keeps.
type thing struct {
	kind, id string
}

// readScopes and modifyScopes of /me/library depend on what a URI names.
var (
	readScopes = map[string]string{
		"track": "user-library-read", "album": "user-library-read", "artist": "user-follow-read",
		"playlist": "playlist-read-private",
	}
	modifyScopes = map[string]string{
		"track": "user-library-modify", "album": "user-library-modify", "artist": "user-follow-modify",
		"playlist": "playlist-modify-public",
	}
)

// things reads the query parameter uris and checks that the token has the scope for each.
func (c *call) things(scopes map[string]string) ([]thing, error) {
	uris := strings.Split(c.query.Get("uris"), ",")
	if len(uris) > mostLibraryURIs {
		return nil, refuse(http.StatusBadRequest, "Send at most 40 uris")
	}
	list := make([]thing, len(uris))
	for i, uri := range uris {
		parts := strings.Split(uri, ":")
		known := len(parts) == 3 && parts[0] == "spotify" && scopes[parts[1]] != "" && c.exists(parts[1], parts[2])
		if !known {
			return nil, refuse(http.StatusBadRequest, "Invalid uri: "+uri)
		}
		if err := c.needAll(scopes[parts[1]]); err != nil {
			return nil, err
		}
		list[i] = thing{kind: parts[1], id: parts[2]}
	}
	return list, nil
}

func (c *call) exists(kind, id string) bool {
	switch kind {
	case "track":
		return c.world.songs.track[id] != nil
	case "album":
		return c.world.songs.album[id] != nil
	case "artist":
		return c.world.songs.artist[id] != nil
	default:
		p := c.world.playlists[id]
		return p != nil && (p.public || c.owns(p))
	}
}

// shelfOf returns where a kind of thing is kept; nil for playlists, which have an order of their own.
func (h *home) shelfOf(kind string) *shelf {
	return map[string]*shelf{"track": &h.tracks, "album": &h.albums, "artist": &h.artists}[kind]
}

func (h *home) playlistIndex(id string) int {
	return slices.IndexFunc(h.playlists, func(p *playlist) bool { return p.id == id })
}

func (c *call) saveURIs() (answer, error) {
	list, err := c.things(modifyScopes)
	for _, t := range list {
		if shelf := c.home.shelfOf(t.kind); shelf != nil {
			shelf.put(t.id, c.now)
		} else if c.home.playlistIndex(t.id) < 0 {
			c.home.playlists = slices.Insert(c.home.playlists, 0, c.world.playlists[t.id])
		}
	}
	return answer{}, err
}

func (c *call) removeURIs() (answer, error) {
	list, err := c.things(modifyScopes)
	for _, t := range list {
		if shelf := c.home.shelfOf(t.kind); shelf != nil {
			shelf.remove(t.id)
		} else if i := c.home.playlistIndex(t.id); i >= 0 {
			c.home.playlists = slices.Delete(c.home.playlists, i, i+1)
		}
	}
	return answer{}, err
}

func (c *call) containsURIs() (answer, error) {
	list, err := c.things(readScopes)
	found := make([]bool, len(list))
	for i, t := range list {
		if shelf := c.home.shelfOf(t.kind); shelf != nil {
			found[i] = shelf.has(t.id)
		} else {
			found[i] = c.home.playlistIndex(t.id) >= 0
		}
	}
	return answer{body: found}, err
}
