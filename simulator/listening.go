package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// cursorPage is Spotify's cursor paging object.
type cursorPage[T any] struct {
	Href    string  `json:"href"`
	Items   []T     `json:"items"`
	Limit   int     `json:"limit"`
	Next    *string `json:"next"`
	Cursors struct {
		After  string `json:"after"`
		Before string `json:"before,omitempty"`
	} `json:"cursors"`
	Total int `json:"total"`
}

func (c *call) cursorLink(query url.Values) string { return c.base + c.path + "?" + query.Encode() }

// nextLink is the link of the call with one cursor in place of any other.
func (c *call) nextLink(name, value string) *string {
	query := maps.Clone(c.query)
	query.Del("after")
	query.Del("before")
	query.Set(name, value)
	link := c.cursorLink(query)
	return &link
}

// topFrom is where the list of a time_range begins, so that the three differ.
func (c *call) topFrom() (int, error) {
	switch c.query.Get("time_range") {
	case "", "medium_term":
		return 0, nil
	case "short_term":
		return 7, nil
	case "long_term":
		return 21, nil
	}
	return 0, refuse(http.StatusBadRequest, "Invalid time range")
}

func (c *call) topTracks() (answer, error) {
	from, err := c.topFrom()
	if err != nil {
		return answer{}, err
	}
	p, err := paged(c, c.path, rotated(c.home.top, from), listLimits, c.trackObject)
	return answer{body: p}, err
}

func (c *call) topArtists() (answer, error) {
	from, err := c.topFrom()
	if err != nil {
		return answer{}, err
	}
	var list []*artist
	seen := map[*artist]bool{}
	for _, t := range rotated(c.home.top, from) {
		if !seen[t.artist()] {
			seen[t.artist()] = true
			list = append(list, t.artist())
		}
	}
	p, err := paged(c, c.path, list, listLimits, c.artistObject)
	return answer{body: p}, err
}

func rotated[T any](list []T, from int) []T {
	from = min(from, len(list))
	return append(append([]T{}, list[from:]...), list[:from]...)
}

type historyObject struct {
	Track    trackObject    `json:"track"`
	PlayedAt string         `json:"played_at"`
	Context  *contextObject `json:"context"`
}

// recentlyPlayed pages by time: before and after are Unix times in milliseconds and exclude each other.
func (c *call) recentlyPlayed() (answer, error) {
	limit, err := c.number("limit", listLimits.usual, 1, listLimits.most)
	if err != nil {
		return answer{}, err
	}
	if c.query.Has("before") && c.query.Has("after") {
		return answer{}, refuse(http.StatusBadRequest, "Send before or after, not both")
	}
	list := c.home.recent
	for _, name := range []string{"before", "after"} {
		if !c.query.Has(name) {
			continue
		}
		ms, err := strconv.ParseInt(c.query.Get(name), 10, 64)
		if err != nil || ms < 0 {
			return answer{}, refuse(http.StatusBadRequest, "Invalid "+name)
		}
		list = cutHistory(list, time.UnixMilli(ms), name == "before")
	}
	p := cursorPage[historyObject]{Href: c.cursorLink(c.query), Items: []historyObject{}, Limit: limit, Total: len(list)}
	for _, entry := range list[:min(limit, len(list))] {
		p.Items = append(p.Items, historyObject{
			Track: c.trackObject(entry.track), PlayedAt: entry.at.UTC().Format("2006-01-02T15:04:05.000Z"),
			Context: c.contextObject(entry.context),
		})
		p.Cursors.Before = strconv.FormatInt(entry.at.UnixMilli(), 10)
	}
	if len(p.Items) > 0 {
		p.Cursors.After = strconv.FormatInt(list[0].at.UnixMilli(), 10)
	}
	if len(list) > limit {
		p.Next = c.nextLink("before", p.Cursors.Before)
	}
	return answer{body: p}, nil
}

// cutHistory keeps what is before or after a moment, itself left out.
func cutHistory(list []played, moment time.Time, before bool) []played {
	var kept []played
	for _, entry := range list {
		if before && entry.at.Before(moment) || !before && entry.at.After(moment) {
			kept = append(kept, entry)
		}
	}
	return kept
}
