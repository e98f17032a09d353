package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

// mostURIs is how many items one call can add or remove.
const mostURIs = 100

// itemObject shows the track under the name of before February 2026, too.
type itemObject struct {
	AddedAt string      `json:"added_at"`
	AddedBy userObject  `json:"added_by"`
	IsLocal bool        `json:"is_local"`
	Item    trackObject `json:"item"`
	Track   trackObject `json:"track"`
}

func (c *call) itemObject(i playlistItem) itemObject {
	t := c.trackObject(i.track)
	return itemObject{AddedAt: stamp(i.addedAt), AddedBy: c.simpleUser(c.server.users[i.addedBy]), Item: t, Track: t}
}

// decode reads the JSON body.
func (c *call) decode(into any) error {
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	if err := decoder.Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "Error parsing JSON.")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return refuse(http.StatusBadRequest, "Error parsing JSON.")
	}
	return nil
}

func (c *call) playlistItems() (answer, error) {
	p, err := c.visible()
	if err != nil {
		return answer{}, err
	}
	if !c.owns(p) {
		return answer{}, refuse(http.StatusForbidden, "Forbidden")
	}
	body, err := paged(c, c.path, p.items, itemLimits, c.itemObject)
	return answer{body: body}, err
}

// tracksOf finds tracks by their URIs.
func (c *call) tracksOf(uris []string) ([]*track, error) {
	if len(uris) > mostURIs {
		return nil, refuse(http.StatusBadRequest, "Too many uris; send at most 100")
	}
	list := make([]*track, len(uris))
	for i, uri := range uris {
		id, ok := strings.CutPrefix(uri, "spotify:track:")
		if !ok || !isID(id) {
			return nil, refuse(http.StatusBadRequest, "Invalid track uri: "+uri)
		}
		if list[i], ok = c.world.songs.track[id]; !ok {
			return nil, refuse(http.StatusBadRequest, "Payload contains a non-existing ID")
		}
	}
	return list, nil
}

// urisBody reads {"uris":[…],"position":…}, or the query parameter uris for those who send no body.
func (c *call) urisBody() (uris []string, position *int, err error) {
	var body struct {
		URIs     []string `json:"uris"`
		Position *int     `json:"position"`
	}
	if len(c.body) > 0 {
		if err := c.decode(&body); err != nil {
			return nil, nil, err
		}
	} else if text := c.query.Get("uris"); text != "" {
		body.URIs = strings.Split(text, ",")
	}
	return body.URIs, body.Position, nil
}

func (c *call) newItems(tracks []*track) []playlistItem {
	items := make([]playlistItem, len(tracks))
	for i, t := range tracks {
		items[i] = playlistItem{track: t, addedBy: c.home.user.ID, addedAt: c.now}
	}
	return items
}

func (c *call) snapshot(status int, p *playlist) answer {
	c.world.touch(p)
	return answer{status: status, body: map[string]string{"snapshot_id": p.snapshot}}
}

func (c *call) addItems() (answer, error) {
	p, err := c.changeable()
	if err != nil {
		return answer{}, err
	}
	uris, position, err := c.urisBody()
	if err != nil {
		return answer{}, err
	}
	tracks, err := c.tracksOf(uris)
	if err != nil {
		return answer{}, err
	}
	at := len(p.items)
	if position != nil {
		at = *position
	}
	if len(tracks) == 0 || at < 0 || at > len(p.items) {
		return answer{}, refuse(http.StatusBadRequest, "There are no uris, or the position is outside the playlist")
	}
	p.items = slices.Insert(p.items, at, c.newItems(tracks)...)
	return c.snapshot(http.StatusCreated, p), nil
}

// replaceItems replaces all items, or moves a range of them when the body says range_start.
func (c *call) replaceItems() (answer, error) {
	p, err := c.changeable()
	if err != nil {
		return answer{}, err
	}
	var move struct {
		Start  *int `json:"range_start"`
		Length *int `json:"range_length"`
		Before int  `json:"insert_before"`
	}
	if len(c.body) > 0 {
		if err := c.decode(&move); err != nil {
			return answer{}, err
		}
	}
	if move.Start != nil {
		length := 1
		if move.Length != nil {
			length = *move.Length
		}
		return c.moveItems(p, *move.Start, length, move.Before)
	}
	uris, _, err := c.urisBody()
	if err != nil {
		return answer{}, err
	}
	tracks, err := c.tracksOf(uris)
	if err != nil {
		return answer{}, err
	}
	p.items = c.newItems(tracks)
	return c.snapshot(http.StatusOK, p), nil
}

func (c *call) moveItems(p *playlist, start, length, before int) (answer, error) {
	size := len(p.items)
	if start < 0 || length < 1 || start > size-length || before < 0 || before > size {
		return answer{}, refuse(http.StatusBadRequest, "The range is outside the playlist")
	}
	moved := slices.Clone(p.items[start : start+length])
	if before > start {
		before = max(start, before-length)
	}
	p.items = slices.Delete(p.items, start, start+length)
	p.items = slices.Insert(p.items, before, moved...)
	return c.snapshot(http.StatusOK, p), nil
}

// removeItems takes a JSON body; its list is called tracks on the deprecated path.
func (c *call) removeItems() (answer, error) {
	p, err := c.changeable()
	if err != nil {
		return answer{}, err
	}
	type uri struct {
		URI string `json:"uri"`
	}
	var body struct {
		Items    []uri  `json:"items"`
		Tracks   []uri  `json:"tracks"`
		Snapshot string `json:"snapshot_id"`
	}
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	list := body.Items
	if strings.HasSuffix(c.path, "/tracks") {
		list = body.Tracks
	}
	uris := make([]string, len(list))
	for i, entry := range list {
		uris[i] = entry.URI
	}
	if _, err := c.tracksOf(uris); err != nil {
		return answer{}, err
	}
	if len(uris) == 0 {
		return answer{}, refuse(http.StatusBadRequest, "There are no items to remove")
	}
	if body.Snapshot != "" && body.Snapshot != p.snapshot {
		return answer{}, refuse(http.StatusBadRequest, "Invalid snapshot id")
	}
	p.items = slices.DeleteFunc(p.items, func(item playlistItem) bool { return slices.Contains(uris, item.track.uri()) })
	return c.snapshot(http.StatusOK, p), nil
}
