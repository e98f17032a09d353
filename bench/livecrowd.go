package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"stagedoor/simulator"
)

// measureCrowd measures many visitors of one account on one replica, over HTTP/2 or with a connection each.
func (w *liveWorld) measureCrowd(ctx context.Context, visitors int, shared bool) (string, error) {
	if err := w.connect(ctx); err != nil {
		return "", err
	}
	if err := w.spotify.Remote(w.users[0], simulator.Remote{Action: "next"}); err != nil {
		return "", err
	}
	g := w.gateways[0]
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	begun := time.Now()
	hasState := func(s *stream) bool { return !s.since(begun).IsZero() }
	streams, how := w.visitors(visitors, shared)
	first := streams[:1]
	readAll(ctx, first)
	if _, err := await(ctx, "has a state", first, hasState); err != nil {
		return "", err
	}
	before, err := residentBytes(g.pid)
	if err != nil {
		return "", err
	}
	readAll(ctx, streams[1:])
	if _, err := await(ctx, "has a state", streams, hasState); err != nil {
		return "", err
	}
	after, err := residentBytes(g.pid)
	if err != nil {
		return "", err
	}
	rest, atRest, err := w.cpuOver(ctx, restTime)
	if err != nil {
		return "", err
	}
	cpu, err := cpuTime(g.pid)
	if err != nil {
		return "", err
	}
	changed := time.Now()
	if err := w.spotify.Remote(w.users[0], simulator.Remote{Action: "next"}); err != nil {
		return "", err
	}
	if _, err := await(ctx, "shows the change", streams, func(s *stream) bool { return !s.since(changed).IsZero() }); err != nil {
		return "", err
	}
	fed, err := cpuTime(g.pid)
	if err != nil {
		return "", err
	}
	earliest, latest := streams[0].since(changed), streams[0].since(changed)
	for _, s := range streams {
		at := s.since(changed)
		if at.Before(earliest) {
			earliest = at
		}
		if at.After(latest) {
			latest = at
		}
	}
	most, err := residentBytes(g.pid)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("**%d visitors of one account on one replica**, %s: %.1f KiB of resident memory a stream, its share of a connection included, and %.1f KiB after an event to all. "+
		"At rest %.1f ms of CPU a second, of which a comment to each stream every 15 s is most, and %d polls in %v. An event to all took %.0f ms of CPU; the last visitor had it %.0f ms "+
		"after the first, with all readers on the same two cores.", visitors, how, (after-before)/1024/float64(visitors-1), (most-before)/1024/float64(visitors-1),
		milliseconds(atRest)/rest.Seconds(), len(w.polls(time.Now().Add(-rest))), restTime, milliseconds(fed-cpu), milliseconds(latest.Sub(earliest))), nil
}

// visitors are streams that have not begun, and how they reach the first gateway.
func (w *liveWorld) visitors(number int, shared bool) (streams []*stream, how string) {
	how = "over HTTP/1.1 with a connection each"
	var client *http.Client
	if shared {
		how = "over HTTP/2 with TLS, 250 on a connection"
		client = &http.Client{Transport: &http.Transport{
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
			ForceAttemptHTTP2:  true,
			DisableCompression: true,
		}}
	}
	for range number {
		s := w.gateways[0].stream("/onair/me/player", "")
		s.client = client
		streams = append(streams, s)
	}
	return streams, how
}

// cpuOver waits and returns how long, and what CPU time the first gateway has used.
func (w *liveWorld) cpuOver(ctx context.Context, length time.Duration) (took, cpu time.Duration, err error) {
	begun := time.Now()
	before, err := cpuTime(w.gateways[0].pid)
	if err != nil {
		return 0, 0, err
	}
	select {
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	case <-time.After(length):
	}
	after, err := cpuTime(w.gateways[0].pid)
	return time.Since(begun), after - before, err
}
