package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// farAway is the latency that Spotify is given.
const farAway = 50 * time.Millisecond

// sameGC is the setting of the garbage collector that Stagedoor is shipped with.
const sameGC = "GOGC=200"

// asShipped has the cache and the joining of equal requests on. Requests that differ are neither kept nor joined, but looked for
// and stored.
const asShipped = "{}"

// realPages are the pages of the real path, with how their goals are called.
var realPages = []struct{ name, path, toBare, toNginx, toOAuth2 string }{
	{"3 KB", fewPage, goalFew, goalFewNginx, ""},
	{"33 KB", manyPage, goalMany, goalManyNginx, goalManyOAuth2},
}

// The places of those that goals compare in what startReal returns.
const (
	realBare = iota
	realBareSameGC
	realStagedoor
	realKeepingNothing
	realOthers
)

// measureReal compares everything that does the job where Spotify is: over TLS and HTTP/2, with gzip on both sides.
func measureReal(ctx context.Context, b *bench) error {
	var rows [][]string
	for _, roundTrip := range []time.Duration{0, farAway} {
		targets, err := b.startReal(ctx, roundTrip)
		if err != nil {
			return err
		}
		for _, page := range realPages {
			samples, err := b.interleave(ctx, targets, page.path)
			if err != nil {
				return fmt.Errorf("%s, %v: %w", page.name, roundTrip, err)
			}
			some, err := b.realRows(ctx, targets, samples, page.path)
			if err != nil {
				return err
			}
			for _, row := range some {
				rows = append(rows, append([]string{page.name, roundTrip.String()}, row...))
			}
			if roundTrip == 0 {
				b.realGoals(page.toBare, page.toNginx, page.toOAuth2, targets, samples)
				b.report.picture.add("A page of "+page.name, targets, samples)
			}
		}
		if roundTrip == 0 {
			row, err := b.measureHits(ctx, targets)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		for _, t := range targets {
			t.process.stop()
		}
	}
	b.report.text("An API over TLS and HTTP/2 that sends its pages without a length, with gzip for clients that accept it: playlists with random ids "+
		"and three links into the API each, %d of them in a page of 3 KB and %d in one of 33 KB. Clients ask over plain HTTP/1.1, as a proxy "+
		"that ends TLS does. No two requests ask for the same, except for the cache hits. Stagedoor and nginx rewrite the links, the others pass "+
		"the bytes on. Latency is added to every round trip to the API. Ratios are to the first line of the same page and latency, and to the "+
		"bare proxy with Stagedoor's own GC setting. Opened are "+
		"connections to the API, in a round. Bytes are those of the answer's body.", fewItems, manyItems)
	b.report.table(realHeader("page", "latency"), rows)
	return nil
}

func realHeader(first ...string) []string {
	return append(first, "what", "CPU a request, µs", "ratio", "ratio, "+sameGC, "requests/s", "median, ms", "99 %, ms", "opened", "bytes")
}

// startBares starts the bare proxies that everything is compared with: with Go's setting of the garbage collector, and with
// Stagedoor's. With a certificate they serve over TLS.
func (b *bench) startBares(ctx context.Context, to *upstream, certificate, trust string) ([]target, error) {
	var bares []target
	for _, gc := range []string{"", sameGC} {
		variables := nonEmpty(gc)
		bare, err := b.startBare(ctx, named("bare proxy, no rewriting", variables), to, certificate, append(variables, trust)...)
		if err != nil {
			return nil, err
		}
		bares = append(bares, bare)
	}
	return bares, nil
}

// startReal starts everything before an API that is far away. The first ones have the order of the constants.
func (b *bench) startReal(ctx context.Context, roundTrip time.Duration) ([]target, error) {
	to, redis, file, err := b.startSecureBackends(ctx, roundTrip)
	if err != nil {
		return nil, err
	}
	trust := "SSL_CERT_FILE=" + file
	targets, err := b.startBares(ctx, to, "", trust)
	if err != nil {
		return nil, err
	}
	for _, kind := range []gatewayKind{{name: "Stagedoor", quota: asShipped}, {name: "Stagedoor, quota.cache: 0"}} {
		kind.redis, kind.variables = redis, []string{trust}
		stagedoor, err := b.startLoggedIn(ctx, kind, to)
		if err != nil {
			return nil, err
		}
		targets = append(targets, stagedoor)
	}
	others, err := b.startServers(ctx, realServers, serverPlace{to: to})
	if err != nil {
		return nil, err
	}
	targets = append(targets, others...)
	if b.options.oauth2Proxy != "" {
		t, err := b.startOAuth2Proxy(ctx, to, redis, trust)
		if err != nil {
			return nil, err
		}
		t.name += ", no rewriting"
		targets = append(targets, t)
	}
	for i := range targets {
		targets[i].distinct = true
	}
	return targets, nil
}

// nonEmpty is a list of a text, unless that is empty.
func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// realRows are the lines of one page and latency.
func (b *bench) realRows(ctx context.Context, targets []target, samples [][]sample, page string) ([][]string, error) {
	var rows [][]string
	for i, t := range targets {
		size, err := t.get(ctx, page)
		if err != nil {
			return nil, err
		}
		cpu := column(samples[i], sample.cpuOf)
		rows = append(rows, []string{
			t.name, cpu.text(1), cpu.over(column(samples[realBare], sample.cpuOf)).text(3),
			cpu.over(column(samples[realBareSameGC], sample.cpuOf)).text(3),
			column(samples[i], sample.rateOf).text(0), column(samples[i], sample.p50Of).text(2), column(samples[i], sample.p99Of).text(2),
			column(samples[i], sample.openedOf).text(0), fmt.Sprint(size),
		})
	}
	return rows, nil
}

// realGoals reports the ratios of Stagedoor as shipped; keys that are empty are not asked for.
func (b *bench) realGoals(toBare, toNginx, toOAuth2 string, targets []target, samples [][]sample) {
	ours := column(samples[realStagedoor], sample.cpuOf)
	b.report.goals.reached(toBare, ours.over(column(samples[realBare], sample.cpuOf)).median())
	for i, t := range targets {
		ratio := ours.over(column(samples[i], sample.cpuOf)).median()
		switch {
		case t.name == realServers[0].name:
			b.report.goals.reached(toNginx, ratio)
		case toOAuth2 != "" && i >= realOthers && i == len(targets)-1 && b.options.oauth2Proxy != "":
			b.report.goals.reached(toOAuth2, ratio)
		}
	}
}

// measureHits compares an answer that Stagedoor has kept with one that the bare proxy forwards.
func (b *bench) measureHits(ctx context.Context, all []target) ([]string, error) {
	pair := slices.Clone(all[realBare : realStagedoor+1])
	for i := range pair {
		pair[i].distinct = false
	}
	samples, err := b.interleave(ctx, pair, fewPage+freshPage)
	if err != nil {
		return nil, err
	}
	pair[realStagedoor].name += ", a cache hit"
	rows, err := b.realRows(ctx, pair, samples, fewPage+freshPage)
	if err != nil {
		return nil, err
	}
	hit := column(samples[realStagedoor], sample.cpuOf).over(column(samples[realBare], sample.cpuOf))
	b.report.goals.reached(goalHit, hit.median())
	return append([]string{"3 KB", time.Duration(0).String()}, rows[realStagedoor]...), nil
}

// measureHTTP2 is measureReal with clients over TLS and HTTP/2.
func measureHTTP2(ctx context.Context, b *bench) error {
	if _, err := exec.LookPath("h2load"); err != nil {
		b.report.text("h2load is not installed, so this was not measured. On Debian it is in nghttp2-client.")
		return nil //nolint:nilerr // the page says so
	}
	to, redis, file, err := b.startSecureBackends(ctx, 0)
	if err != nil {
		return err
	}
	trust := "SSL_CERT_FILE=" + file
	targets, err := b.startBares(ctx, to, file, trust)
	if err != nil {
		return err
	}
	stagedoor, err := b.startLoggedIn(ctx, gatewayKind{
		name: "Stagedoor, quota.cache: 0", redis: redis, variables: []string{trust}, certificate: file,
	}, to)
	if err != nil {
		return err
	}
	others, err := b.startServers(ctx, http2Servers, serverPlace{to: to, certificate: file})
	if err != nil {
		return err
	}
	targets = append(append(targets, stagedoor), others...)
	var rows [][]string
	for _, page := range realPages {
		samples, err := b.interleave(ctx, targets, page.path)
		if err != nil {
			return err
		}
		some, err := b.realRows(ctx, targets, samples, page.path)
		if err != nil {
			return err
		}
		for _, row := range some {
			rows = append(rows, append([]string{page.name}, row...))
		}
	}
	b.report.text("The same API without latency. Clients are h2load's, %d connections with %d requests on their way in each. It asks for "+
		"the same again and again, so Stagedoor must not keep or join answers here.", max(1, b.options.connections/h2Streams), h2Streams)
	b.report.table(realHeader("page"), rows)
	return nil
}
