package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// playlist belongs to one user and may be in the libraries of others.
type playlist struct {
	id, name, owner, description string
	public, collaborative        bool
	snapshot                     string
	items                        []playlistItem
	jpeg                         []byte // uploaded; nil means that the simulator draws one
}

type playlistItem struct {
	track   *track
	addedBy string
	addedAt time.Time
}

func (p *playlist) uri() string { return "spotify:playlist:" + p.id }

func (p *playlist) tracks() []*track {
	list := make([]*track, len(p.items))
	for i, item := range p.items {
		list[i] = item.track
	}
	return list
}

type itemsLink struct {
	Href  string `json:"href"`
	Total int    `json:"total"`
}

// simplePlaylist shows its items under the name of before February 2026, too.
type simplePlaylist struct {
	Collaborative bool          `json:"collaborative"`
	Description   string        `json:"description"`
	ExternalURLs  links         `json:"external_urls"`
	Href          string        `json:"href"`
	ID            string        `json:"id"`
	Images        []imageObject `json:"images"`
	Name          string        `json:"name"`
	Owner         userObject    `json:"owner"`
	PrimaryColor  *string       `json:"primary_color"`
	Public        bool          `json:"public"`
	SnapshotID    string        `json:"snapshot_id"`
	Items         *itemsLink    `json:"items,omitempty"`
	Tracks        *itemsLink    `json:"tracks,omitempty"`
	Type          string        `json:"type"`
	URI           string        `json:"uri"`
}

type playlistObject struct {
	simplePlaylist
	Followers followers           `json:"followers"`
	Items     *pageOf[itemObject] `json:"items,omitempty"`
	Tracks    *pageOf[itemObject] `json:"tracks,omitempty"`
}

func (c *call) coverOf(p *playlist) []imageObject {
	if p.jpeg != nil {
		return []imageObject{{URL: c.public + "/_simulator/images/cover/" + p.id + ".jpg"}}
	}
	return c.images("playlist", p.id)
}

func (c *call) simplePlaylist(p *playlist) simplePlaylist {
	link := &itemsLink{Href: c.base + "/playlists/" + p.id + "/items", Total: len(p.items)}
	return simplePlaylist{
		Collaborative: p.collaborative, Description: p.description, ExternalURLs: c.external("playlist", p.id),
		Href: c.base + "/playlists/" + p.id, ID: p.id, Images: c.coverOf(p), Name: p.name,
		Owner: c.simpleUser(c.server.users[p.owner]), Public: p.public, SnapshotID: p.snapshot,
		Items: link, Tracks: link, Type: "playlist", URI: p.uri(),
	}
}

// visible finds the path's playlist, if the token may see it.
func (c *call) visible() (*playlist, error) {
	id, err := c.id("playlist_id")
	if err != nil {
		return nil, err
	}
	p, ok := c.world.playlists[id]
	switch {
	case !ok || !p.public && !c.owns(p):
		return nil, notFound()
	case p.public:
		return p, nil
	case p.collaborative:
		return p, c.needAll("playlist-read-collaborative")
	}
	return p, c.needAll("playlist-read-private")
}

func (c *call) owns(p *playlist) bool { return c.home != nil && c.home.user.ID == p.owner }

// changeable finds the path's playlist, if the token may change it.
func (c *call) changeable() (*playlist, error) {
	p, err := c.visible()
	if err != nil {
		return nil, err
	}
	if !c.owns(p) {
		return nil, refuse(http.StatusForbidden, "You cannot change a playlist you don't own")
	}
	return p, c.needAll(modifyScope(p.public))
}

func modifyScope(public bool) string {
	if public {
		return "playlist-modify-public"
	}
	return "playlist-modify-private"
}

func (c *call) myPlaylists() (answer, error) {
	shown := slices.DeleteFunc(slices.Clone(c.home.playlists), func(p *playlist) bool {
		return p.collaborative && !c.has("playlist-read-collaborative")
	})
	p, err := paged(c, c.path, shown, listLimits, c.simplePlaylist)
	return answer{body: p}, err
}

// getPlaylist shows the items to the owner only, as Spotify does since February 2026.
func (c *call) getPlaylist() (answer, error) {
	p, err := c.visible()
	if err != nil {
		return answer{}, err
	}
	object := playlistObject{simplePlaylist: c.simplePlaylist(p), Followers: followers{Total: len(p.name)}}
	if c.owns(p) {
		items := cutPage(c, "/playlists/"+p.id+"/items", nil, p.items, itemLimits.most, 0, c.itemObject)
		object.Items, object.Tracks = &items, &items
	}
	return answer{body: object}, nil
}

// playlistFields are the body of creating and changing a playlist.
type playlistFields struct {
	Name          *string `json:"name"`
	Description   *string `json:"description"`
	Public        *bool   `json:"public"`
	Collaborative *bool   `json:"collaborative"`
}

func (f *playlistFields) check() error {
	switch {
	case f.Name != nil && (*f.Name == "" || utf8.RuneCountInString(*f.Name) > 100):
		return refuse(http.StatusBadRequest, "Invalid name")
	case f.Description != nil && utf8.RuneCountInString(*f.Description) > 300:
		return refuse(http.StatusBadRequest, "Invalid description")
	}
	return nil
}

// apply sets the fields that are there. A collaborative playlist is never public.
func (f *playlistFields) apply(p *playlist) error {
	public, collaborative := p.public, p.collaborative
	if f.Public != nil {
		public = *f.Public
	}
	if f.Collaborative != nil {
		collaborative = *f.Collaborative
	}
	if public && collaborative {
		return refuse(http.StatusBadRequest, "A collaborative playlist must not be public")
	}
	p.public, p.collaborative = public, collaborative
	if f.Name != nil {
		p.name = *f.Name
	}
	if f.Description != nil {
		p.description = *f.Description
	}
	return nil
}

func (c *call) createPlaylist() (answer, error) {
	var fields playlistFields
	if err := c.decode(&fields); err != nil {
		return answer{}, err
	}
	if fields.Name == nil {
		return answer{}, refuse(http.StatusBadRequest, "Missing required field: name")
	}
	if err := fields.check(); err != nil {
		return answer{}, err
	}
	p := &playlist{owner: c.home.user.ID, public: true}
	if err := fields.apply(p); err != nil {
		return answer{}, err
	}
	if err := c.needAll(modifyScope(p.public)); err != nil {
		return answer{}, err
	}
	c.world.serial++
	p.id = makeID("playlist", fmt.Sprint(p.owner, "/new/", c.world.serial))
	c.world.touch(p)
	c.world.playlists[p.id] = p
	c.home.playlists = slices.Insert(c.home.playlists, 0, p)
	return answer{status: http.StatusCreated, body: c.simplePlaylist(p)}, nil
}

func (c *call) changePlaylist() (answer, error) {
	p, err := c.changeable()
	if err != nil {
		return answer{}, err
	}
	var fields playlistFields
	if err := c.decode(&fields); err != nil {
		return answer{}, err
	}
	if err := fields.check(); err != nil {
		return answer{}, err
	}
	if fields.Public != nil {
		if err := c.needAll(modifyScope(*fields.Public)); err != nil {
			return answer{}, err
		}
	}
	if err := fields.apply(p); err != nil {
		return answer{}, err
	}
	c.world.touch(p)
	return answer{}, nil
}
