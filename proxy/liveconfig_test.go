package proxy

import (
	"slices"
	"testing"
)

// TestValidateLive rejects routes with live that could not push, each for the field that is wrong.
func TestValidateLive(t *testing.T) {
	good := Route{Path: "/live/", Upstream: UpstreamSpotify, Credentials: CredentialsUser, Live: []string{"me/player", "me/player/queue"}}
	for name, c := range map[string]struct {
		change func(*Route)
		want   []string
	}{
		"good":           {func(*Route) {}, nil},
		"an account":     {func(r *Route) { r.Credentials = "account:radio" }, nil},
		"GET":            {func(r *Route) { r.Methods = []string{"GET"} }, nil},
		"the app":        {func(r *Route) { r.Credentials = CredentialsApp }, []string{"[0].live"}},
		"user or app":    {func(r *Route) { r.Credentials = CredentialsUserOrApp }, []string{"[0].live"}},
		"a frontend":     {func(r *Route) { r.Upstream, r.Credentials = "http://127.0.0.1:3000", CredentialsNone }, []string{"[0].live"}},
		"a pattern":      {func(r *Route) { r.Live = []string{"me/*"} }, []string{"[0].live[0]"}},
		"nothing":        {func(r *Route) { r.Live = []string{""} }, []string{"[0].live[0]"}},
		"twice":          {func(r *Route) { r.Live = []string{"me/player", "/me/player"} }, []string{"[0].live[1]"}},
		"other methods":  {func(r *Route) { r.Methods = []string{"GET", "PUT"} }, []string{"[0].methods"}},
		"an allow":       {func(r *Route) { r.Allow = []string{"me"} }, []string{"[0].allow"}},
		"a strange path": {func(r *Route) { r.Live = []string{"me/../player"} }, []string{"[0].live[0]"}},
	} {
		route := good
		c.change(&route)
		var fields []string
		ValidateRoutes([]Route{route}, func(field, _ string) { fields = append(fields, field) })
		if !slices.Equal(fields, c.want) {
			t.Errorf("%s: the fields %v are wrong, want %v", name, fields, c.want)
		}
	}
}
