package simulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// searchKinds are what Spotify searches; the simulator has no shows, episodes and audiobooks, so those are empty.
var searchKinds = []string{"album", "artist", "playlist", "track", "show", "episode", "audiobook"}

// search finds what has every word of q in its name or its artist's.
func (c *call) search() (answer, error) {
	words := strings.Fields(strings.ToLower(c.query.Get("q")))
	if len(words) == 0 {
		return answer{}, refuse(http.StatusBadRequest, "No search query")
	}
	for i, word := range words { // field filters find the same as plain words
		if _, value, ok := strings.Cut(word, ":"); ok {
			words[i] = strings.Trim(value, `"`)
		}
	}
	limit, offset, err := c.window(searchLimits)
	if err != nil {
		return answer{}, err
	}
	matches := func(names ...string) bool {
		text := strings.ToLower(strings.Join(names, " "))
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	}
	found := map[string]any{}
	for kind := range strings.SplitSeq(c.query.Get("type"), ",") {
		if !slices.Contains(searchKinds, kind) {
			return answer{}, refuse(http.StatusBadRequest, "Bad search type field "+kind)
		}
		query := maps.Clone(c.query)
		query.Set("type", kind)
		switch kind {
		case "track":
			list := filter(c.world.songs.tracks, func(t *track) bool { return matches(t.name, t.artist().name) })
			found["tracks"] = cutPage(c, c.path, query, list, limit, offset, c.trackObject)
		case "album":
			list := filter(c.world.songs.albums, func(b *album) bool { return matches(b.name, b.artist.name) })
			found["albums"] = cutPage(c, c.path, query, list, limit, offset, c.simpleAlbum)
		case "artist":
			list := filter(c.world.songs.artists, func(a *artist) bool { return matches(a.name) })
			found["artists"] = cutPage(c, c.path, query, list, limit, offset, c.artistObject)
		case "playlist":
			list := filter(c.publicPlaylists(), func(p *playlist) bool { return matches(p.name) })
			found["playlists"] = cutPage(c, c.path, query, list, limit, offset, c.simplePlaylist)
		default:
			found[kind+"s"] = cutPage(c, c.path, query, []*track{}, limit, offset, c.trackObject)
		}
	}
	return answer{body: found}, nil
}

// publicPlaylists are everybody's, in a fixed order.
func (c *call) publicPlaylists() []*playlist {
	list := filter(slices.Collect(maps.Values(c.world.playlists)), func(p *playlist) bool { return p.public })
	slices.SortFunc(list, func(a, b *playlist) int { return strings.Compare(a.id, b.id) })
	return list
}

func filter[T any](list []T, keep func(T) bool) []T {
	var kept []T
	for _, item := range list {
		if keep(item) {
			kept = append(kept, item)
		}
	}
	return kept
}
