package config

import (
	"slices"
	"testing"

	"stagedoor/internal/webapi"
	"stagedoor/proxy"
)

// scopeWarnings returns the fields that warnScopes has something to say about.
func scopeWarnings(change func(c *Config)) []string {
	config := Default()
	change(&config)
	c := &checker{decoder: newDecoder("config.yaml", "", environment()), config: &config}
	c.warnScopes()
	var fields []string
	for _, w := range c.warnings {
		fields = append(fields, w.Field)
	}
	return fields
}

func TestScopeWarnings(t *testing.T) {
	route := func(credentials string, allow ...string) []proxy.Route {
		return []proxy.Route{{Path: "/api/", Upstream: "spotify", Credentials: credentials, Methods: []string{"GET"}, Allow: allow}}
	}
	for name, test := range map[string]struct {
		change func(c *Config)
		want   []string
	}{
		"the defaults":         {func(*Config) {}, nil},
		"no scopes, all paths": {func(c *Config) { c.Spotify.Scopes = nil }, nil},
		"no routes":            {func(c *Config) { c.Routes = nil }, nil},

		"a user's route lacks one": {func(c *Config) { c.Routes = route("user", "me/tracks") }, []string{"routes[0].allow[0]"}},
		"so does the user's half of a route": {func(c *Config) { c.Routes = route("user_or_app", "search", "me/tracks") },
			[]string{"routes[0].allow[1]"}},
		"an app has no scopes":     {func(c *Config) { c.Routes = route("app", "me/tracks") }, nil},
		"an account has its own":   {func(c *Config) { c.Routes = route("account:radio", "me/tracks") }, nil},
		"an allow that allows all": {func(c *Config) { c.Routes = route("user", "**", "/**") }, nil},
		"a path that nobody knows": {func(c *Config) { c.Routes = route("user", "me/soundtrack") }, nil},
		"a method that needs none": {func(c *Config) { c.Routes = route("user", "playlists/*/images") }, nil},
		"no scopes, not even for me": {func(c *Config) { c.Spotify.Scopes, c.Routes = nil, route("user", "me") },
			[]string{"routes[0].allow[0]"}},

		"used by a user": {func(c *Config) {
			c.Spotify.Scopes, c.Routes = []string{"user-library-read"}, route("user", "me/tracks")
		}, nil},
		"used by a user or the app": {func(c *Config) {
			c.Spotify.Scopes, c.Routes = []string{"user-library-read"}, route("user_or_app", "me/tracks")
		}, nil},
		"used by an account": {func(c *Config) {
			c.Spotify.Scopes, c.Routes = []string{"user-library-read"}, route("account:radio", "me/tracks")
		}, nil},
		"of no use to the app": {func(c *Config) {
			c.Spotify.Scopes, c.Routes = []string{"user-library-read"}, route("app", "me/tracks")
		}, []string{"spotify.scopes[0]"}},
		"of no use without its method": {func(c *Config) {
			c.Spotify.Scopes, c.Routes = []string{"user-library-modify", "user-library-read"}, route("user", "me/tracks")
		}, []string{"spotify.scopes[0]"}},
		"collaborative playlists in the user's own": {func(c *Config) {
			c.Spotify.Scopes, c.Routes = []string{"playlist-read-collaborative", "playlist-read-private"}, route("user", "me/playlists")
		}, nil},
		"streaming in no page": {func(c *Config) { c.Spotify.Scopes = []string{"streaming"} }, []string{"spotify.scopes[0]"}},
		"streaming in a page": {func(c *Config) {
			c.Spotify.Scopes, c.Session.BrowserTokens = []string{"streaming"}, true
		}, nil},
		"every scope, all paths": {func(c *Config) { c.Spotify.Scopes, c.Session.BrowserTokens = webapi.Scopes(), true },
			[]string{"spotify.scopes[0]", "spotify.scopes[5]", "spotify.scopes[6]", "spotify.scopes[7]", "spotify.scopes[15]",
				"spotify.scopes[22]", "spotify.scopes[23]"}}, // app-remote-control, soa-*, user-personalized and user-soa-*
	} {
		t.Run(name, func(t *testing.T) {
			if got := scopeWarnings(test.change); !slices.Equal(got, test.want) {
				t.Errorf("warns about %q, want %q", got, test.want)
			}
		})
	}
}
