package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"stagedoor/proxy"
)

// completeRoutes fills in what a route may leave out. A route to Spotify must name its credentials; any other route
// has none. A shared account's methods have no default, see checkAccountRoute.
func completeRoutes(routes []proxy.Route) {
	for i := range routes {
		r := &routes[i]
		elsewhere := r.Files != "" || r.Upstream != "" && r.Upstream != proxy.UpstreamSpotify
		if r.Credentials == "" && elsewhere {
			r.Credentials = proxy.CredentialsNone
		}
		if len(r.Methods) == 0 && r.Upstream == proxy.UpstreamSpotify && !isAccount(*r) && !r.IsLive() {
			r.Methods = proxy.DefaultMethods()
		}
	}
}

// isAccount tells whether a route speaks for a shared account.
func isAccount(route proxy.Route) bool {
	return strings.HasPrefix(route.Credentials, proxy.AccountPrefix)
}

// RouteTable renders the effective routes as an aligned table, one a line below a heading, in the order in which they
// are tried: the longest path first.
func (c Config) RouteTable() string {
	routes := slices.Clone(c.Routes)
	slices.SortStableFunc(routes, func(a, b proxy.Route) int { return cmp.Compare(len(b.Path), len(a.Path)) })

	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PATH\tGOES TO\tCREDENTIALS\tMETHODS\tALLOW")
	for _, r := range routes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Path, c.target(r), r.Credentials, methodsOf(r), pathsOf(r))
	}
	w.Flush() // a strings.Builder takes every write
	return table.String()
}

// methodsOf and pathsOf say what a route takes.
func methodsOf(r proxy.Route) string {
	if r.IsLive() {
		return "GET (streams)"
	}
	return listOrAll(r.Methods)
}

func pathsOf(r proxy.Route) string {
	if r.IsLive() {
		return strings.Join(r.Live, " ")
	}
	return listOrAll(r.Allow)
}

// target says where a route goes.
func (c Config) target(r proxy.Route) string {
	switch {
	case r.Upstream == proxy.UpstreamSpotify:
		return c.Spotify.APIURL
	case r.Files != "" && r.Fallback != "":
		return fmt.Sprintf("%s (else %s)", r.Files, r.Fallback)
	case r.Files != "":
		return r.Files
	case r.FS != nil:
		return "(built in)"
	}
	return r.Upstream
}

func listOrAll(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, " ")
}
