package proxy

import (
	"fmt"
	"slices"
	"strings"

	"stagedoor/proxy/policy"
)

// IsLive tells whether a route pushes instead of answering.
func (r Route) IsLive() bool { return len(r.Live) > 0 }

// liveMethods are what a route with live takes.
var liveMethods = []string{"GET"}

func (r Route) validateLive(report func(field, problem string)) {
	if !r.IsLive() {
		return
	}
	if r.Upstream != UpstreamSpotify || r.Credentials != CredentialsUser && !strings.HasPrefix(r.Credentials, AccountPrefix) {
		report("live", "pushes what Spotify says to one user or one account; write upstream: spotify, and credentials: user or account:NAME")
	}
	if len(r.Allow) > 0 {
		report("allow", "live lists what the route allows; remove allow")
	}
	if len(r.Methods) > 0 && !slices.Equal(r.Methods, liveMethods) {
		report("methods", "a route with live takes GET alone; remove methods")
	}
	for i, path := range r.Live {
		field := fmt.Sprintf("live[%d]", i)
		switch problem := policy.PatternProblem(path); {
		case strings.Trim(path, "/") == "":
			report(field, "is empty; write a path below the Web API's base, such as me/player")
		case problem != "":
			report(field, problem)
		case strings.Contains(path, "*"):
			report(field, fmt.Sprintf("%q has *, but every path is polled by itself; write each in full", path))
		case slices.IndexFunc(r.Live, func(other string) bool { return samePath(other, path) }) < i:
			report(field, fmt.Sprintf("%q stands in the list before; keep one of the two", path))
		}
	}
}

func samePath(a, b string) bool { return strings.TrimPrefix(a, "/") == strings.TrimPrefix(b, "/") }

// forStreams returns a route with live as a route to the Web API that takes what its streams are asked for with.
func (r Route) forStreams() Route {
	r.Methods, r.Allow = liveMethods, r.Live
	return r
}

// apiRouteFor returns the route to the Web API with the same credentials, where links of a live route lead: one that allows
// all paths, else the first. It tells whether there is one.
func apiRouteFor(live Route, routes []Route) (found Route, exists bool) {
	for _, r := range routes {
		if r.Upstream != UpstreamSpotify || r.IsLive() || r.Credentials != live.Credentials {
			continue
		}
		if len(r.Allow) == 0 {
			return r, true
		}
		if !exists {
			found, exists = r, true
		}
	}
	return found, exists
}
