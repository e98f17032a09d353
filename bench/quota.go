package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"stagedoor/simulator"
)

const (
	// quotaCalls is how many calls Spotify allows to the app in a window of quotaWindow.
	quotaCalls  = 180
	quotaWindow = 30 * time.Second
	// quotaRefused is the share of requests that may be rejected.
	quotaRefused = 1.0 / 1000
	// quotaScopes are those that the tabs need.
	quotaScopes = "user-read-private, user-read-email, user-read-playback-state, playlist-read-private"
)

// quotaWay is a way to Spotify, with the numbers of users that try it.
type quotaWay struct {
	name  string
	quota string // of Stagedoor's configuration; bare when it has none
	bare  bool
	live  bool // tabs have a stream of what plays instead of asking for it
	users []int
}

var quotaWays = []quotaWay{
	{name: "(a) a bare ReverseProxy", bare: true, users: []int{1, 2, 3}},
	{name: "(b) Stagedoor as shipped", quota: "{}", users: []int{1, 2, 3, 4, 8, 16}},
	{
		name: "(c) Stagedoor, `calls: 180` and `me/player` reused for 3 s", users: []int{10, 20, 30, 40, 50, 60},
		quota: `{calls: 180, reuse: [{path: me/player, for: 3s}]}`,
	},
	{name: "(d) Stagedoor, `calls: 180` and a stream for each tab", quota: `{calls: 180}`, live: true, users: []int{10, 20, 30, 40, 50, 60}},
}

// quotaRoutes has what plays as a stream, in YAML.
const quotaRoutes = `
  - {path: /live/, upstream: spotify, credentials: user, live: [me/player]}
`

// quotaPoint is so many users on one way, and what became of them.
type quotaPoint struct {
	way    quotaWay
	users  int
	origin string // where the tabs ask
	listen string // host:port of the streams
	result *quotaResult
	calls  int // that reached Spotify in the measured window
	over   int // of those, how many it rejected
}

// measureQuota finds how many users fit into one app's quota. All users of a way are there at the same time, each number with an
// app of its own.
func measureQuota(ctx context.Context, b *bench) error {
	var rows [][]string
	carried := map[string]int{}
	for _, way := range quotaWays {
		b.say("%s: %v users, %v of warm-up and %v measured", way.name, way.users, quotaWindow, quotaWindow)
		points := make([]*quotaPoint, len(way.users))
		group, ctx := errgroup.WithContext(ctx)
		for i, users := range way.users {
			points[i] = &quotaPoint{way: way, users: users}
			start, err := points[i].prepare(ctx, b)
			if err != nil {
				return err
			}
			group.Go(func() error { return start(ctx) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, p := range points {
			rows = append(rows, p.row())
			if p.result.refusedShare() <= quotaRefused {
				carried[way.name] = max(carried[way.name], p.users)
			}
		}
	}
	b.report.text("An app may make %d calls in %v. Each user has three tabs; each tab asks for `me/player` every second and opens a page of "+
		"playlists every ten. The simulator counts, and answers 429 above that. After a warm-up of one window, one window is "+
		"measured; every number of users has an app of its own. An answer's age is its `Age`; in (d) it is how long ago Spotify answered what a tab "+
		"shows, in each second, and only the pages of playlists are requests. Fairness is the oldest mean age of a user's answers "+
		"to the youngest; half a second is added to both, because `Age` has whole seconds. This chapter comes from "+
		"`go run ./bench -only quota`.", quotaCalls, quotaWindow)
	b.report.table([]string{"way", "users", "requests", "rejected", "calls that left", "of them rejected by Spotify", "age, median", "age, p99", "fairness"}, rows)
	var most []string
	for _, way := range quotaWays {
		most = append(most, fmt.Sprintf("%s carries %d users", way.name, carried[way.name]))
	}
	b.report.text("With at most one request in a thousand rejected, of the numbers that were tried, %s.", strings.Join(most, "; "))
	return nil
}

func (p *quotaPoint) row() []string {
	r := p.result
	return []string{
		p.way.name, fmt.Sprint(p.users), fmt.Sprint(r.requests), fmt.Sprintf("%d (%.2f %%)", r.refused, 100*r.refusedShare()),
		fmt.Sprint(p.calls), fmt.Sprint(p.over), fmt.Sprintf("%d s", r.age(0.5)), fmt.Sprintf("%d s", r.age(0.99)), fmt.Sprintf("%.1f", r.unfairness()),
	}
}

// prepare starts the app's Spotify and the way there, and logs the users in. The function that it returns lets them ask.
func (p *quotaPoint) prepare(ctx context.Context, b *bench) (func(context.Context) error, error) {
	spotify, origin, err := p.startSpotify(b)
	if err != nil {
		return nil, err
	}
	var clients []quotaClient
	if p.way.bare {
		clients, err = p.bareClients(b, spotify, origin)
	} else {
		clients, err = p.gatewayClients(ctx, b, spotify, origin)
	}
	if err != nil {
		return nil, err
	}
	if err := spotify.SetRateLimit(simulator.RateLimit{Calls: quotaCalls, Window: simulator.Duration(quotaWindow)}); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		begin := time.Now().Add(quotaWindow)
		result, err := p.ask(ctx, clients, begin, begin.Add(quotaWindow))
		if err != nil {
			return err
		}
		p.result = result
		all := spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}})
		if p.way.live {
			result.showStreams(all, begin)
		}
		for _, seen := range all {
			if seen.At.Before(begin) {
				continue
			}
			p.calls++
			if seen.Status == http.StatusTooManyRequests {
				p.over++
			}
		}
		return nil
	}, nil
}

// quotaUsers are the names of so many users.
func quotaUsers(count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("fan%04d", i)
	}
	return names
}

// startSpotify starts a simulator with so many users.
func (p *quotaPoint) startSpotify(b *bench) (*simulator.Server, string, error) {
	users := make([]simulator.User, p.users)
	for i, name := range quotaUsers(p.users) {
		users[i] = simulator.User{ID: name, Name: name, Email: name + "@example.com", Country: "GB", Product: "premium"}
	}
	spotify, err := simulator.New(simulator.Options{
		Clients: []simulator.Client{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{
			"http://127.0.0.1/auth/callback", "https://" + b.secure + "/auth/callback",
		}}},
		Users: users, Remember: 200_000,
	})
	if err != nil {
		return nil, "", err
	}
	b.after(spotify.Close)
	origin, err := b.serve(spotify)
	return spotify, origin, err
}

// bareClients have a proxy that adds each user's token and does nothing else.
func (p *quotaPoint) bareClients(b *bench, spotify *simulator.Server, origin string) ([]quotaClient, error) {
	to, err := url.Parse(origin + "/v1")
	if err != nil {
		return nil, err
	}
	var clients []quotaClient
	for _, user := range quotaUsers(p.users) {
		tokens, err := spotify.Authorize(clientID, user, strings.Split(quotaScopes, ", ")...)
		if err != nil {
			return nil, err
		}
		clients = append(clients, quotaClient{header: http.Header{"Authorization": {"Bearer " + tokens.AccessToken}}})
	}
	p.origin, err = b.serve(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024},
	})
	return clients, err
}

// gatewayClients have a Stagedoor, and are logged in.
func (p *quotaPoint) gatewayClients(ctx context.Context, b *bench, spotify *simulator.Server, origin string) ([]quotaClient, error) {
	redis, err := b.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(ctx, gatewayKind{
		name: fmt.Sprint(p.way.name, " for ", p.users), api: origin + "/v1", accounts: origin, redis: redis, quota: p.way.quota,
		scopes: "[" + quotaScopes + "]", routes: quotaRoutes,
	})
	if err != nil {
		return nil, err
	}
	p.origin, p.listen = g.origin+"/api", g.address()
	users := quotaUsers(p.users)
	cookies, err := loginAll(ctx, spotify, g.origin, users)
	if err != nil {
		return nil, err
	}
	var clients []quotaClient
	for i, user := range users {
		if err := spotify.Remote(user, simulator.Remote{Action: "next"}); err != nil {
			return nil, err
		}
		clients = append(clients, quotaClient{header: http.Header{"Cookie": {cookies[i]}, "Sec-Fetch-Site": {"same-origin"}}})
	}
	return clients, nil
}
