package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

// pageOf is Spotify's paging object. Its links are absolute.
type pageOf[T any] struct {
	Href     string  `json:"href"`
	Items    []T     `json:"items"`
	Limit    int     `json:"limit"`
	Next     *string `json:"next"`
	Offset   int     `json:"offset"`
	Previous *string `json:"previous"`
	Total    int     `json:"total"`
}

// limits are an endpoint's default and largest page.
type limits struct{ usual, most int }

var (
	listLimits   = limits{20, 50}
	searchLimits = limits{5, 10}
	itemLimits   = limits{20, 50}
)

// paged cuts the page that the query asks for out of all, and converts its items.
func paged[From, To any](c *call, path string, all []From, l limits, convert func(From) To) (pageOf[To], error) {
	limit, offset, err := c.window(l)
	if err != nil {
		return pageOf[To]{}, err
	}
	return cutPage(c, path, c.query, all, limit, offset, convert), nil
}

// window reads limit and offset.
func (c *call) window(l limits) (limit, offset int, err error) {
	if limit, err = c.number("limit", l.usual, 1, l.most); err != nil {
		return 0, 0, err
	}
	offset, err = c.number("offset", 0, 0, 100_000)
	return limit, offset, err
}

// cutPage is paged for limits that are known. The links keep the other parameters of the query, which may be nil.
func cutPage[From, To any](
	c *call, path string, query url.Values, all []From, limit, offset int, convert func(From) To,
) pageOf[To] {
	link := func(offset int) string {
		q := maps.Clone(query)
		if q == nil {
			q = url.Values{}
		}
		q.Set("limit", strconv.Itoa(limit))
		q.Set("offset", strconv.Itoa(offset))
		return c.base + path + "?" + q.Encode()
	}
	p := pageOf[To]{Href: link(offset), Items: []To{}, Limit: limit, Offset: offset, Total: len(all)}
	for i := offset; i < len(all) && i < offset+limit; i++ {
		p.Items = append(p.Items, convert(all[i]))
	}
	if offset+limit < len(all) {
		next := link(offset + limit)
		p.Next = &next
	}
	if offset > 0 {
		previous := link(max(0, offset-limit))
		p.Previous = &previous
	}
	return p
}

// number reads a whole number from the query.
func (c *call) number(name string, usual, least, most int) (int, error) {
	if !c.query.Has(name) {
		return usual, nil
	}
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n < least || n > most {
		return 0, refuse(http.StatusBadRequest, "Invalid "+name)
	}
	return n, nil
}

// flag reads true or false from the query; it must be there.
func (c *call) flag(name string) (bool, error) {
	switch c.query.Get(name) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, refuse(http.StatusBadRequest, "Invalid "+name)
}
