package policy

import "net/http"

// ScriptHeader is what a script without Origin and Sec-Fetch-Site must send to change something: a header that no
// page of another origin can add without a preflight.
const ScriptHeader = "Stagedoor-Request"

// OriginResult is what the cross-origin rule says of a request.
type OriginResult int

const (
	// OriginAllowed is a request of our own pages, of a listed origin, or of a script.
	OriginAllowed OriginResult = iota
	// OriginForeign is a request that another site has caused.
	OriginForeign
	// OriginUnproven is a request that changes something and carries nothing about where it comes from.
	OriginUnproven
)

// OriginRule tells our own pages and listed origins from other sites. Neither Host nor X-Forwarded-Host plays a part,
// and a sibling subdomain is another site.
type OriginRule struct {
	public string          // the origin of public_url
	listed map[string]bool // server.allowed_origins
}

// NewOriginRule makes the rule of a gateway: its own origin, and those that are listed.
func NewOriginRule(public string, allowed []string) OriginRule {
	rule := OriginRule{public: public, listed: make(map[string]bool, len(allowed))}
	for _, origin := range allowed {
		rule.listed[origin] = true
	}
	return rule
}

// Check applies the rule in its order: Origin decides when it is there, then Sec-Fetch-Site, then the method.
func (o OriginRule) Check(r *http.Request) OriginResult {
	origins, sites := r.Header["Origin"], r.Header["Sec-Fetch-Site"]
	own := only(sites, "same-origin")
	// Under Referrer-Policy: no-referrer a form of our own pages has an Origin without a name. The browser knows better.
	if len(origins) > 0 && !(own && only(origins, "null")) {
		if len(origins) == 1 && (o.listed[origins[0]] || origins[0] == o.public) {
			return OriginAllowed
		}
		return OriginForeign
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case own:
		return OriginAllowed
	case only(sites, "none") && reads: // typed, or from a bookmark
		return OriginAllowed
	case len(sites) > 0:
		return OriginForeign
	case reads || only(r.Header[ScriptHeader], "1"):
		return OriginAllowed
	default:
		return OriginUnproven
	}
}

// CheckRoute is Check for a route. It also allows a person's navigation, wherever it comes from: after a login it comes from
// Spotify, and the site that caused it cannot read what the person sees.
func (o OriginRule) CheckRoute(r *http.Request) OriginResult {
	if result := o.Check(r); result == OriginAllowed || !navigates(r) {
		return result
	}
	return OriginAllowed
}

// navigates tells whether a person goes to another page (Fetch Metadata): neither a frame, an embedded object, nor what a
// browser fetches in advance (Sec-Purpose). A request with an Origin is not such a navigation.
func navigates(r *http.Request) bool {
	return r.Method == http.MethodGet && len(r.Header["Origin"]) == 0 &&
		only(r.Header["Sec-Fetch-Mode"], "navigate") && only(r.Header["Sec-Fetch-Dest"], "document") &&
		len(r.Header["Sec-Purpose"]) == 0
}

// only tells whether a header has one line with this value.
func only(values []string, value string) bool { return len(values) == 1 && values[0] == value }
