package config

import (
	"reflect"
	"testing"

	"stagedoor/proxy"
)

func TestCompleteRoutes(t *testing.T) {
	all := proxy.DefaultRoutes()[0].Methods
	for name, test := range map[string]struct{ route, want proxy.Route }{
		"spotify must say for whom": {
			proxy.Route{Upstream: "spotify"},
			proxy.Route{Upstream: "spotify", Methods: all},
		},
		"spotify with methods": {
			proxy.Route{Upstream: "spotify", Credentials: "app", Methods: []string{"GET"}},
			proxy.Route{Upstream: "spotify", Credentials: "app", Methods: []string{"GET"}},
		},
		"an account's methods have no default": {
			proxy.Route{Upstream: "spotify", Credentials: "account:radio"},
			proxy.Route{Upstream: "spotify", Credentials: "account:radio"},
		},
		"a frontend": {
			proxy.Route{Upstream: "http://127.0.0.1:3000"},
			proxy.Route{Upstream: "http://127.0.0.1:3000", Credentials: "none"},
		},
		"files": {
			proxy.Route{Files: "dist"},
			proxy.Route{Files: "dist", Credentials: "none"},
		},
		"nowhere": {proxy.Route{}, proxy.Route{}},
	} {
		routes := []proxy.Route{test.route}
		if completeRoutes(routes); !reflect.DeepEqual(routes[0], test.want) {
			t.Errorf("%s: got %+v, want %+v", name, routes[0], test.want)
		}
	}
}

func TestRouteTable(t *testing.T) {
	c := Default()
	c.Routes = []proxy.Route{
		{Path: "/", Files: "/srv/dist", Fallback: "index.html", Credentials: "none"},
		{Path: "/api/", Upstream: "spotify", Credentials: "user", Methods: []string{"GET", "PUT"}},
		{Path: "/radio/", Upstream: "spotify", Credentials: "account:radio",
			Methods: []string{"GET"}, Allow: []string{"me/player", "me/player/*"}},
		{Path: "/app/", Upstream: "http://127.0.0.1:3000", Credentials: "none"},
		{Path: "/pdf/", Files: "/srv/pdf", Credentials: "none", Methods: []string{"GET"}},
	}
	const want = `PATH     GOES TO                      CREDENTIALS    METHODS  ALLOW
/radio/  https://api.spotify.com/v1   account:radio  GET      me/player me/player/*
/api/    https://api.spotify.com/v1   user           GET PUT  all
/app/    http://127.0.0.1:3000        none           all      all
/pdf/    /srv/pdf                     none           GET      all
/        /srv/dist (else index.html)  none           all      all
`
	if got := c.RouteTable(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if c.Routes[0].Path != "/" {
		t.Error("RouteTable changes the order of the configuration's routes")
	}
}
