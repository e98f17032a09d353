package links

import (
	"net/http"
	"net/url"

	"stagedoor/proxy/policy"
)

// Map says which links lead into the API, and what they become. It is safe for concurrent use.
type Map struct {
	api    *url.URL // without a slash at its end
	public string   // public_url and the route's prefix, without a slash at its end
	links  rewriter // of no document yet
}

// NewMap makes the links below api lead to the route with a prefix below public. Neither the URLs nor the prefix have a slash at
// their end.
func NewMap(api, public *url.URL, prefix string) Map {
	to := public.String() + (&url.URL{Path: prefix}).EscapedPath()
	return Map{api: api, public: to, links: *newRewriter(api.String()+"/", to+"/")}
}

// newDocument returns a rewriter for one document.
func (m Map) newDocument() *rewriter {
	links := m.links
	return &links
}

// MapLocation lets a Location inside the API lead to the gateway's route, and removes any other: a client must not be sent to
// where it has no credentials, nor to an address that an answer has chosen.
func (m Map) MapLocation(res *http.Response) {
	values := res.Header["Location"]
	res.Header.Del("Location")
	if len(values) != 1 {
		return
	}
	location, err := res.Request.URL.Parse(values[0])
	if err != nil || location.User != nil || location.Scheme != m.api.Scheme || location.Host != m.api.Host {
		return
	}
	if !policy.Below(location.Path, m.api.Path) {
		return
	}
	path, err := policy.NewPath(location, m.api.Path)
	if err != nil { // not even the route would take it
		return
	}
	mapped := m.public + path.Escaped
	if location.RawQuery != "" {
		mapped += "?" + location.RawQuery
	}
	if location.Fragment != "" {
		mapped += "#" + location.EscapedFragment()
	}
	res.Header.Set("Location", mapped)
}
