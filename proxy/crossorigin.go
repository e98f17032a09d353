package proxy

import (
	"net/http"
	"slices"
)

// requestHeader is what a script without Origin and Sec-Fetch-Site must send to change something: a header that no
// page of another origin can add without a preflight.
const requestHeader = "Stagedoor-Request"

// originVerdict is what the cross-origin rule says of a request that the session cookie speaks for.
type originVerdict int

const (
	// originAllowed is a request of our own pages, of a listed origin, or of a script.
	originAllowed originVerdict = iota
	// originForeign is a request that another site has caused.
	originForeign
	// originUnproven is a request that changes something and carries nothing about where it comes from.
	originUnproven
)

// originRule tells our own pages and listed origins from other sites. Neither Host nor X-Forwarded-Host plays a part,
// and a sibling subdomain is another site.
type originRule struct {
	public string          // the origin of public_url
	listed map[string]bool // server.allowed_origins
}

func newOriginRule(public string, allowed []string) originRule {
	rule := originRule{public: public, listed: make(map[string]bool, len(allowed))}
	for _, origin := range allowed {
		rule.listed[origin] = true
	}
	return rule
}

// judge applies the rule in its order: Origin decides when it is there, then Sec-Fetch-Site, then the method.
func (o originRule) judge(r *http.Request) originVerdict {
	if origins, present := r.Header["Origin"]; present {
		if len(origins) == 1 && (o.listed[origins[0]] || origins[0] == o.public) {
			return originAllowed
		}
		return originForeign
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if sites, present := r.Header["Sec-Fetch-Site"]; present {
		switch {
		case slices.Equal(sites, []string{"same-origin"}):
			return originAllowed
		case slices.Equal(sites, []string{"none"}) && reads: // typed, or from a bookmark
			return originAllowed
		default:
			return originForeign
		}
	}
	if reads || slices.Equal(r.Header[requestHeader], []string{"1"}) {
		return originAllowed
	}
	return originUnproven
}
