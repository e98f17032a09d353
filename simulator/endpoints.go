package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

// endpoint is an operation of the Web API.
type endpoint struct {
	method, path string
	scopes       []string // every one is needed; handlers ask for more where it depends on the object
	app          bool     // a client's own token will do
	catalogue    bool     // the same for everybody, and cached publicly
	tagged       bool     // with an ETag
	upload       bool     // takes an image, also chunked
	handle       func(*call) (answer, error)
}

// The scopes that many endpoints share.
var (
	readPlaylists = []string{"playlist-read-private"}
	readLibrary   = []string{"user-library-read"}
	modifyLibrary = []string{"user-library-modify"}
	readTop       = []string{"user-top-read"}
	readState     = []string{"user-read-playback-state"}
	modifyState   = []string{"user-modify-playback-state"}
	readPlaying   = []string{"user-read-currently-playing"}
	readQueue     = []string{"user-read-currently-playing", "user-read-playback-state"}
	readRecent    = []string{"user-read-recently-played"}
	readFollowing = []string{"user-follow-read"}
	uploadImages  = []string{"ugc-image-upload"}
)

// endpoints is the whole imitation; what it lacks is 404.
var endpoints = []endpoint{
	{method: "GET", path: "/me", handle: (*call).me},
	{method: "GET", path: "/users/{user_id}", app: true, handle: (*call).profile},

	{method: "GET", path: "/me/playlists", scopes: readPlaylists, tagged: true, handle: (*call).myPlaylists},
	{method: "POST", path: "/me/playlists", handle: (*call).createPlaylist},
	{method: "GET", path: "/playlists/{playlist_id}", app: true, tagged: true, handle: (*call).getPlaylist},
	{method: "PUT", path: "/playlists/{playlist_id}", handle: (*call).changePlaylist},
	{method: "GET", path: "/playlists/{playlist_id}/images", app: true, handle: (*call).playlistImages},
	{method: "PUT", path: "/playlists/{playlist_id}/images", scopes: uploadImages, upload: true, handle: (*call).uploadImage},
	{method: "GET", path: "/playlists/{playlist_id}/items", scopes: readPlaylists, tagged: true, handle: (*call).playlistItems},
	{method: "POST", path: "/playlists/{playlist_id}/items", handle: (*call).addItems},
	{method: "PUT", path: "/playlists/{playlist_id}/items", handle: (*call).replaceItems},
	{method: "DELETE", path: "/playlists/{playlist_id}/items", handle: (*call).removeItems},
	{method: "GET", path: "/playlists/{playlist_id}/tracks", scopes: readPlaylists, tagged: true, handle: (*call).playlistItems},
	{method: "POST", path: "/playlists/{playlist_id}/tracks", handle: (*call).addItems},
	{method: "PUT", path: "/playlists/{playlist_id}/tracks", handle: (*call).replaceItems},
	{method: "DELETE", path: "/playlists/{playlist_id}/tracks", handle: (*call).removeItems},

	{method: "GET", path: "/me/tracks", scopes: readLibrary, handle: (*call).savedTracks},
	{method: "PUT", path: "/me/tracks", scopes: modifyLibrary, handle: (*call).saveTracks},
	{method: "DELETE", path: "/me/tracks", scopes: modifyLibrary, handle: (*call).removeTracks},
	{method: "GET", path: "/me/tracks/contains", scopes: readLibrary, handle: (*call).containsTracks},
	{method: "GET", path: "/me/albums", scopes: readLibrary, handle: (*call).savedAlbums},
	{method: "GET", path: "/me/following", scopes: readFollowing, handle: (*call).following},
	{method: "PUT", path: "/me/library", handle: (*call).saveURIs},
	{method: "DELETE", path: "/me/library", handle: (*call).removeURIs},
	{method: "GET", path: "/me/library/contains", handle: (*call).containsURIs},

	{method: "GET", path: "/me/top/artists", scopes: readTop, handle: (*call).topArtists},
	{method: "GET", path: "/me/top/tracks", scopes: readTop, handle: (*call).topTracks},
	{method: "GET", path: "/me/player/recently-played", scopes: readRecent, handle: (*call).recentlyPlayed},

	{method: "GET", path: "/me/player", scopes: readState, handle: (*call).playback},
	{method: "PUT", path: "/me/player", scopes: modifyState, handle: (*call).transfer},
	{method: "GET", path: "/me/player/currently-playing", scopes: readPlaying, handle: (*call).currentlyPlaying},
	{method: "GET", path: "/me/player/devices", scopes: readState, handle: (*call).devices},
	{method: "GET", path: "/me/player/queue", scopes: readQueue, handle: (*call).queue},
	{method: "POST", path: "/me/player/queue", scopes: modifyState, handle: (*call).enqueue},
	{method: "PUT", path: "/me/player/play", scopes: modifyState, handle: (*call).play},
	{method: "PUT", path: "/me/player/pause", scopes: modifyState, handle: (*call).pause},
	{method: "POST", path: "/me/player/next", scopes: modifyState, handle: (*call).next},
	{method: "POST", path: "/me/player/previous", scopes: modifyState, handle: (*call).previous},
	{method: "PUT", path: "/me/player/seek", scopes: modifyState, handle: (*call).seek},
	{method: "PUT", path: "/me/player/volume", scopes: modifyState, handle: (*call).volume},
	{method: "PUT", path: "/me/player/shuffle", scopes: modifyState, handle: (*call).shuffle},
	{method: "PUT", path: "/me/player/repeat", scopes: modifyState, handle: (*call).repeat},

	{method: "GET", path: "/search", app: true, catalogue: true, handle: (*call).search},
	{method: "GET", path: "/tracks/{id}", app: true, catalogue: true, handle: (*call).getTrack},
	{method: "GET", path: "/albums/{id}", app: true, catalogue: true, handle: (*call).getAlbum},
	{method: "GET", path: "/albums/{id}/tracks", app: true, catalogue: true, handle: (*call).albumTracks},
	{method: "GET", path: "/artists/{id}", app: true, catalogue: true, handle: (*call).getArtist},
	{method: "GET", path: "/artists/{id}/albums", app: true, catalogue: true, handle: (*call).artistAlbums},
}

// match compares an escaped path with the endpoint's and returns its variables, decoded.
func (e *endpoint) match(path string) (map[string]string, bool) {
	var vars map[string]string
	want, rest := e.path, path
	for want != "" && rest != "" {
		var name, segment string
		name, want = cutSegment(want)
		segment, rest = cutSegment(rest)
		if !strings.HasPrefix(name, "{") {
			if name != segment {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segment)
		if err != nil || segment == "" || strings.ContainsAny(value, "/\\") || value == "." || value == ".." {
			return nil, false
		}
		if vars == nil {
			vars = map[string]string{}
		}
		vars[strings.Trim(name, "{}")] = value
	}
	return vars, want == "" && rest == ""
}

// cutSegment cuts the first segment off a path that begins with a slash.
func cutSegment(path string) (segment, rest string) {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// notFound is Spotify's answer for an id that names nothing.
func notFound() error { return refuse(http.StatusNotFound, "Resource not found") }

// id returns the path's id, which must be one.
func (c *call) id(name string) (string, error) {
	if id := c.vars[name]; isID(id) {
		return id, nil
	}
	return "", refuse(http.StatusBadRequest, "Invalid base62 id")
}
