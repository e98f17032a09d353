package simulator

import "time"

// The objects of the Web API, as its reference describes them since February 2026
// (https://developer.spotify.com/documentation/web-api). Names with "simple" are Spotify's simplified objects.

type links map[string]string

type imageObject struct {
	URL    string `json:"url"`
	Height *int   `json:"height"`
	Width  *int   `json:"width"`
}

type simpleArtist struct {
	ExternalURLs links  `json:"external_urls"`
	Href         string `json:"href"`
	ID           string `json:"id"`
	Name         string `json:"name"`
	Type         string `json:"type"`
	URI          string `json:"uri"`
}

type artistObject struct {
	simpleArtist
	Genres []string      `json:"genres"`
	Images []imageObject `json:"images"`
}

type simpleAlbum struct {
	AlbumType            string         `json:"album_type"`
	Artists              []simpleArtist `json:"artists"`
	ExternalURLs         links          `json:"external_urls"`
	Href                 string         `json:"href"`
	ID                   string         `json:"id"`
	Images               []imageObject  `json:"images"`
	Name                 string         `json:"name"`
	ReleaseDate          string         `json:"release_date"`
	ReleaseDatePrecision string         `json:"release_date_precision"`
	TotalTracks          int            `json:"total_tracks"`
	Type                 string         `json:"type"`
	URI                  string         `json:"uri"`
}

type albumObject struct {
	simpleAlbum
	Tracks     pageOf[simpleTrack] `json:"tracks"`
	Copyrights []links             `json:"copyrights"`
}

type simpleTrack struct {
	Artists      []simpleArtist `json:"artists"`
	DiscNumber   int            `json:"disc_number"`
	DurationMS   int64          `json:"duration_ms"`
	Explicit     bool           `json:"explicit"`
	ExternalURLs links          `json:"external_urls"`
	Href         string         `json:"href"`
	ID           string         `json:"id"`
	IsLocal      bool           `json:"is_local"`
	IsPlayable   bool           `json:"is_playable"`
	Name         string         `json:"name"`
	PreviewURL   *string        `json:"preview_url"`
	TrackNumber  int            `json:"track_number"`
	Type         string         `json:"type"`
	URI          string         `json:"uri"`
}

type trackObject struct {
	simpleTrack
	Album simpleAlbum `json:"album"`
}

func (c *call) external(kind, id string) links {
	return links{"spotify": c.public + "/_simulator/open/" + kind + "/" + id}
}

// images is one picture that the simulator draws.
func (c *call) images(kind, id string) []imageObject {
	size := imageSize
	return []imageObject{{URL: c.public + "/_simulator/images/" + kind + "/" + id + ".svg", Height: &size, Width: &size}}
}

func (c *call) simpleArtist(a *artist) simpleArtist {
	return simpleArtist{
		ExternalURLs: c.external("artist", a.id), Href: c.base + "/artists/" + a.id, ID: a.id, Name: a.name,
		Type: "artist", URI: "spotify:artist:" + a.id,
	}
}

func (c *call) artistObject(a *artist) artistObject {
	return artistObject{simpleArtist: c.simpleArtist(a), Genres: []string{a.genre}, Images: c.images("artist", a.id)}
}

func (c *call) simpleAlbum(b *album) simpleAlbum {
	return simpleAlbum{
		AlbumType: "album", Artists: []simpleArtist{c.simpleArtist(b.artist)}, ExternalURLs: c.external("album", b.id),
		Href: c.base + "/albums/" + b.id, ID: b.id, Images: c.images("album", b.id), Name: b.name,
		ReleaseDate: b.released, ReleaseDatePrecision: "day", TotalTracks: len(b.tracks), Type: "album",
		URI: "spotify:album:" + b.id,
	}
}

func (c *call) albumObject(b *album) albumObject {
	return albumObject{
		simpleAlbum: c.simpleAlbum(b),
		Tracks:      cutPage(c, "/albums/"+b.id+"/tracks", nil, b.tracks, 50, 0, c.simpleTrack),
		Copyrights:  []links{{"text": b.released[:4] + " Nobody Records", "type": "C"}},
	}
}

func (c *call) simpleTrack(t *track) simpleTrack {
	return simpleTrack{
		Artists: []simpleArtist{c.simpleArtist(t.artist())}, DiscNumber: 1, DurationMS: t.length.Milliseconds(),
		Explicit: t.explicit, ExternalURLs: c.external("track", t.id), Href: c.base + "/tracks/" + t.id, ID: t.id,
		IsPlayable: true, Name: t.name, TrackNumber: t.number, Type: "track", URI: t.uri(),
	}
}

func (c *call) trackObject(t *track) trackObject {
	return trackObject{simpleTrack: c.simpleTrack(t), Album: c.simpleAlbum(t.album)}
}

// stamp is how the Web API writes times.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
