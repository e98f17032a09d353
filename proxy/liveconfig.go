package proxy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"stagedoor/proxy/live"
	"stagedoor/proxy/policy"
)

// LiveConfig is the part of config.yaml below "live": how often routes with live poll, and how many streams there may be.
type LiveConfig struct {
	// Every is the time between two polls while something plays.
	Every time.Duration `yaml:"every"`
	// Idle is the time between two polls while nothing plays.
	Idle time.Duration `yaml:"idle"`
	// MaxStreams is how many streams a replica may have at a time.
	MaxStreams int `yaml:"max_streams"`
}

// DefaultLiveConfig returns the values of the keys that config.yaml leaves out.
func DefaultLiveConfig() LiveConfig {
	return LiveConfig{Every: 3 * time.Second, Idle: 20 * time.Second, MaxStreams: 10_000}
}

// Validate reports every problem: the field by its path below "live", and a sentence that says what to do.
func (c LiveConfig) Validate(report func(field, problem string)) {
	if c.Every < time.Second || c.Every > time.Hour {
		report("every", "must be from 1s to 1h; each poll is a call of Spotify's quota")
	} else if c.Idle < c.Every || c.Idle > time.Hour {
		report("idle", "must be from every to 1h")
	}
	if c.MaxStreams < 1 {
		report("max_streams", "must be at least 1; remove the routes with live when there shall be no streams")
	}
}

// Live is the configuration in the terms of package live.
func (c LiveConfig) Live() live.Config {
	return live.Config{Every: c.Every, Idle: c.Idle, MaxStreams: c.MaxStreams}
}

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
