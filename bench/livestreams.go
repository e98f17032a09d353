package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"stagedoor/simulator"
)

const (
	// crowdSize is how many visitors of one account there are over HTTP/2, on as few connections as server.max_streams allows, and
	// crowdConnections how many with a connection each over HTTP/1.1. With the 20,000 open files of this machine a gateway takes
	// 10,000 connections, and 7,500 of them as streams.
	crowdSize        = 10_000
	crowdConnections = 7000
	// restTime is how long a gateway with idle streams is measured.
	restTime = 20 * time.Second
	// tabsTime is how long five tabs are played to, with a change every tabsChange.
	tabsTime   = 10 * time.Minute
	tabsChange = 15 * time.Second
	tabs       = 5
	// manySessions have a stream each, and are measured for manyTime before and after a restart of all replicas.
	manySessions = 2000
	manyTime     = 30 * time.Second
	liveReplicas = 3
	// liveScopes are those that streams and commands need.
	liveScopes = "[user-read-private, user-read-email, user-read-playback-state, user-modify-playback-state]"
)

// liveRoutes are the routes with live, in YAML.
const liveRoutes = `
  - {path: /live/, upstream: spotify, credentials: user, live: [me/player]}
  - {path: /onair/, upstream: spotify, credentials: "account:radio", live: [me/player]}
`

// liveWorld is a Spotify with users, and gateways before it that share a Redis.
type liveWorld struct {
	b        *bench
	spotify  *simulator.Server
	gateways []*gateway
	kind     gatewayKind
	users    []string
}

// startLive starts gateways, with TLS when there is a certificate.
func startLive(ctx context.Context, b *bench, users, gateways int, certificate string) (*liveWorld, error) {
	p := quotaPoint{users: users}
	spotify, origin, err := p.startSpotify(b)
	if err != nil {
		return nil, err
	}
	redis, err := b.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	w := &liveWorld{b: b, spotify: spotify, kind: gatewayKind{
		name: "Stagedoor", api: origin + "/v1", accounts: origin, redis: redis, key: newKey(), scopes: liveScopes, quota: "{}",
		certificate: certificate, routes: liveRoutes, more: fmt.Sprintf("accounts: {radio: {}}\nlive: {max_streams: %d}\n", 2*crowdSize),
	}}
	w.users = quotaUsers(users)
	for range gateways {
		g, err := b.startGateway(ctx, w.kind)
		if err != nil {
			return nil, err
		}
		w.gateways = append(w.gateways, g)
		w.kind.public = w.gateways[0].origin // replicas have one
	}
	return w, nil
}

// logIn logs each user in and returns the cookies.
func (w *liveWorld) logIn(ctx context.Context) ([]string, error) {
	return loginAll(ctx, w.spotify, w.gateways[0].origin, w.users)
}

// connect makes the first user the owner of the account radio.
func (w *liveWorld) connect(ctx context.Context) error {
	if err := w.spotify.SetConsent(simulator.Consent{User: w.users[0]}); err != nil {
		return err
	}
	printed, err := exec.CommandContext(ctx, w.b.binary, "accounts", "connect", "radio", "-config", w.gateways[0].config).CombinedOutput()
	link := regexp.MustCompile(`https?://\S+/auth/connect\?ticket=\S+`).FindString(string(printed))
	if link == "" {
		return fmt.Errorf("accounts connect: %w\n%s", err, printed)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, link, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := plainClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close() // the header tells
	consent, err := response.Location()
	if err != nil {
		return fmt.Errorf("the link of the account was answered with %s", response.Status)
	}
	var cookies []string
	for _, cookie := range response.Cookies() {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	back, _, err := follow(ctx, plainClient, consent.String(), "")
	if err != nil {
		return err
	}
	if request, err = http.NewRequestWithContext(ctx, http.MethodGet, back, nil); err != nil {
		return err
	}
	request.Header.Set("Cookie", strings.Join(cookies, "; "))
	if response, err = plainClient.Do(request); err != nil {
		return err
	}
	_ = response.Body.Close() // the status tells
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the account is not connected: %s", response.Status)
	}
	return nil
}

// address is that of the public listener.
func (g *gateway) address() string {
	_, address, _ := strings.Cut(g.origin, "://")
	return address
}

func (g *gateway) stream(path, cookie string) *stream {
	return &stream{address: g.address(), path: path, cookie: cookie}
}

// polls are the moments of the polls since a moment.
func (w *liveWorld) polls(since time.Time) (at []time.Time) {
	for _, seen := range w.spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodGet, Path: "/v1/me/player", Exact: true}}) {
		if seen.At.After(since) {
			at = append(at, seen.At)
		}
	}
	return at
}

// perSecond counts moments in each second of a time, and returns the mean and the most.
func perSecond(moments []time.Time, begin time.Time, length time.Duration) (mean float64, most int) {
	counts := make([]int, int(length/time.Second)+1)
	total := 0
	for _, at := range moments {
		if second := int(at.Sub(begin) / time.Second); at.After(begin) && second < len(counts) {
			counts[second]++
			total++
		}
	}
	return float64(total) / length.Seconds(), slices.Max(counts)
}

// measureTabs plays to five tabs.
func measureTabs(ctx context.Context, b *bench) error {
	w, err := startLive(ctx, b, 1, liveReplicas, "")
	if err != nil {
		return err
	}
	return b.paragraph(w.measureTabs(ctx))
}

// measureCrowds measures many visitors over HTTP/1.1, then over HTTP/2.
func measureCrowds(ctx context.Context, b *bench) error {
	_, certificate, err := b.newCertificate()
	if err != nil {
		return err
	}
	plain, err := startLive(ctx, b, 1, 1, "")
	if err != nil {
		return err
	}
	if err := b.paragraph(plain.measureCrowd(ctx, crowdConnections, false)); err != nil {
		return err
	}
	secure, err := startLive(ctx, b, 1, 1, certificate)
	if err != nil {
		return err
	}
	return b.paragraph(secure.measureCrowd(ctx, crowdSize, true))
}

// measureMany measures many sessions.
func measureMany(ctx context.Context, b *bench) error {
	w, err := startLive(ctx, b, manySessions, liveReplicas, "")
	if err != nil {
		return err
	}
	return b.paragraph(w.measureMany(ctx))
}

// paragraph shows what was measured, and adds it to the page.
func (b *bench) paragraph(text string, err error) error {
	if err != nil {
		return err
	}
	b.say("%s", text)
	b.report.text("%s", text)
	return nil
}

// measureTabs plays to five tabs of one session on three replicas.
func (w *liveWorld) measureTabs(ctx context.Context) (string, error) {
	cookies, err := w.logIn(ctx)
	if err != nil {
		return "", err
	}
	if err := w.spotify.Remote(w.users[0], simulator.Remote{Action: "next"}); err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var streams []*stream
	for i := range tabs {
		streams = append(streams, w.gateways[i%len(w.gateways)].stream("/live/me/player", cookies[0]))
	}
	begun := time.Now()
	readAll(ctx, streams)
	if _, err := await(ctx, "has a state", streams, func(s *stream) bool { return !s.since(begun).IsZero() }); err != nil {
		return "", err
	}
	var commands, changes series
	for i := 0; time.Since(begun) < tabsTime; i++ {
		changed := time.Now()
		if i%2 == 0 {
			err = w.command(ctx, w.gateways[i/2%len(w.gateways)], cookies[0])
		} else {
			err = w.spotify.Remote(w.users[0], simulator.Remote{Action: "next"})
		}
		if err != nil {
			return "", err
		}
		if _, err := await(ctx, "shows a change", streams, func(s *stream) bool { return !s.since(changed).IsZero() }); err != nil {
			return "", err
		}
		for _, s := range streams {
			took := s.since(changed).Sub(changed).Seconds()
			if i%2 == 0 {
				commands = append(commands, took)
			} else {
				changes = append(changes, took)
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(time.Until(changed.Add(tabsChange))):
		}
	}
	length := time.Since(begun)
	return fmt.Sprintf("**%d tabs of one session on %d replicas**, for %v: %d polls, where one tab "+
		"alone takes %.0f by `every` and one after each of %d commands. A command through any replica was on a tab after %.2f s (median), %.2f s at the latest; a change "+
		"from another device after %.2f s, %.2f s at the latest.", tabs, liveReplicas, length.Round(time.Second), len(w.polls(begun)), length.Seconds()/3, len(commands)/tabs,
		commands.percentile(0.5), commands.percentile(1), changes.percentile(0.5), changes.percentile(1)), nil
}

func (w *liveWorld) command(ctx context.Context, g *gateway, cookie string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.origin+"/api/me/player/next", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Cookie", cookie)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := plainClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close() // the status tells
	if response.StatusCode >= 300 {
		return fmt.Errorf("a command was answered with %s", response.Status)
	}
	return nil
}

// measureMany has many sessions with a stream each, and restarts all replicas.
func (w *liveWorld) measureMany(ctx context.Context) (string, error) {
	cookies, err := w.logIn(ctx)
	if err != nil {
		return "", err
	}
	for _, user := range w.users {
		if err := w.spotify.Remote(user, simulator.Remote{Action: "next"}); err != nil {
			return "", err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	streams := make([]*stream, len(cookies))
	for i, cookie := range cookies {
		streams[i] = w.gateways[i%len(w.gateways)].stream("/live/me/player", cookie)
	}
	begun := time.Now()
	readAll(ctx, streams)
	if _, err := await(ctx, "has a state", streams, func(s *stream) bool { return !s.since(begun).IsZero() }); err != nil {
		return "", err
	}
	wait := func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(manyTime):
			return nil
		}
	}
	steadyBegun := time.Now()
	if err := wait(); err != nil {
		return "", err
	}
	steady, steadyMost := perSecond(w.polls(steadyBegun), steadyBegun, manyTime)
	restarted := time.Now()
	if err := w.restart(ctx); err != nil {
		return "", err
	}
	begun = time.Now()
	if _, err := await(ctx, "is back", streams, func(s *stream) bool { return s.openSince(restarted) }); err != nil {
		return "", err
	}
	back := time.Since(begun)
	if err := wait(); err != nil {
		return "", err
	}
	length := time.Since(restarted)
	_, peak := perSecond(w.polls(restarted), restarted, length)
	ended := 0
	for _, s := range streams {
		if !s.isOpen() {
			ended++
		}
	}
	return fmt.Sprintf("**%d sessions with a stream each on %d replicas**: %.0f polls a second, %d in the busiest second of %v. All replicas were told to stop at the "+
		"same moment, and started again %.1f s later: all streams were back %.1f s after that, %d of them ended afterwards, and the busiest second of the %.0f s since the stop had "+
		"%d polls, %.2f times the steady rate.",
		manySessions, liveReplicas, steady, steadyMost, manyTime, begun.Sub(restarted).Seconds(), back.Seconds(), ended, length.Seconds(), peak, float64(peak)/steady), nil
}

// restart stops all gateways at the same moment and starts others at their addresses, which need not be ready when it returns.
func (w *liveWorld) restart(ctx context.Context) error {
	var stopping sync.WaitGroup
	for _, g := range w.gateways {
		stopping.Go(g.stop)
	}
	stopping.Wait()
	for i, g := range w.gateways {
		kind := w.kind
		kind.listen = g.address()
		var err error
		if w.gateways[i], err = w.b.launchGateway(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}
