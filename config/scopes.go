package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"stagedoor/internal/webapi"
	"stagedoor/proxy"
)

// profileScopes are used by GET /me, which every login calls to identify its user.
var profileScopes = []string{"user-read-private", "user-read-email"}

// addsTo maps scopes that add to what another scope gives, which the list of operations does not tell
// (https://developer.spotify.com/documentation/web-api/concepts/scopes).
var addsTo = map[string]string{"playlist-read-collaborative": "playlist-read-private"}

// anyPath is the pattern that allows all; no allow at all means the same.
const anyPath = "**"

// warnScopes compares the scopes that a login asks for with those that the routes can use. It is advice: only Spotify
// knows for sure what a scope allows.
func (c *checker) warnScopes() {
	usable := slices.Clone(profileScopes)
	if c.config.Session.BrowserTokens {
		usable = append(usable, "streaming")
	}
	for i, route := range c.config.Routes {
		if !usesScopes(route) {
			continue
		}
		patterns, methods, key := route.Allow, route.Methods, "allow"
		if route.IsLive() {
			patterns, methods, key = route.Live, []string{"GET"}, "live"
		}
		if len(patterns) == 0 {
			patterns = []string{anyPath}
		}
		for k, pattern := range patterns {
			operations := webapi.Matching(pattern, methods)
			for _, o := range operations {
				usable = append(usable, o.Scopes...)
			}
			// What the pages need of a route that is open to all is unknown. An account has its own grant.
			if !isAccount(route) && strings.TrimPrefix(pattern, "/") != anyPath {
				c.warnMissingScopes(fmt.Sprintf("routes[%d].%s[%d]", i, key, k), operations)
			}
		}
	}
	c.warnUselessScopes(usable)
}

// usesScopes tells whether a route uses a user's token, which has scopes. An app's own token has none.
func usesScopes(route proxy.Route) bool {
	return route.Credentials == proxy.CredentialsUser || route.Credentials == proxy.CredentialsUserOrApp || isAccount(route)
}

// warnMissingScopes warns of operations for which a login asks for none of their scopes. One scope is enough for no
// warning, because the list does not distinguish "all of these" from "one of these". Of operations with the same scopes,
// it names the first.
func (c *checker) warnMissingScopes(field string, operations []webapi.Operation) {
	asked := func(scope string) bool { return slices.Contains(c.config.Spotify.Scopes, scope) }
	var missing [][]string
	var examples []string
	for _, o := range operations {
		known := slices.ContainsFunc(missing, func(scopes []string) bool { return slices.Equal(scopes, o.Scopes) })
		if len(o.Scopes) == 0 || known || slices.ContainsFunc(o.Scopes, asked) {
			continue
		}
		missing = append(missing, o.Scopes)
		examples = append(examples, fmt.Sprintf("%s %s (%s)", o.Method, o.Path, strings.Join(o.Scopes, ", ")))
	}
	if len(missing) > 0 {
		c.addWarning(field, fmt.Sprintf("spotify.scopes has no scope that Spotify lists for %s; add to it what your pages need, "+
			"or let them ask for it, as with /auth/login?scope=%s", strings.Join(examples, ", "), missing[0][0]))
	}
}

// warnUselessScopes warns of scopes that a login does not need: each makes users hesitate to consent.
func (c *checker) warnUselessScopes(usable []string) {
	for i, scope := range c.config.Spotify.Scopes {
		if !slices.Contains(usable, scope) && !slices.Contains(usable, addsTo[scope]) {
			c.addWarning(fmt.Sprintf("spotify.scopes[%d]", i), fmt.Sprintf("no route can use %s; drop it%s", scope, useFor(scope)))
		}
	}
}

// useFor completes the advice with what would put a scope to use, where there is something.
func useFor(scope string) string {
	if scope == "streaming" {
		return ", or set session.browser_tokens if a page plays music with the Web Playback SDK"
	}
	scope = cmp.Or(addsTo[scope], scope)
	var example webapi.Operation // the one that asks for the least besides
	for _, o := range webapi.Matching(anyPath, nil) {
		if !o.Deprecated && slices.Contains(o.Scopes, scope) && (example.Path == "" || len(o.Scopes) < len(example.Scopes)) {
			example = o
		}
	}
	if example.Path == "" {
		return ""
	}
	return fmt.Sprintf(", or let a route reach what needs it, such as %s %s", example.Method, example.Path)
}
