package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"
)

// farAway is the latency that Spotify is given.
const farAway = 50 * time.Millisecond

// measureTLS compares bare and Stagedoor before upstreams as the real one is: https, HTTP/2, far away.
func measureTLS(ctx context.Context, b *bench) error {
	certificate, file, err := b.newCertificate()
	if err != nil {
		return err
	}
	redis, err := b.startRedis(ctx)
	if err != nil {
		return err
	}
	b.report.text("An answer of %d bytes. Latency is added to every round trip to the upstream, those of a connection's setup "+
		"included. Ratios are to the bare proxy before the same upstream; connections to the upstream are those opened in a round "+
		"and those that are open at its end. One that is opened beyond the pool is paid for with a handshake.", smallSize)
	var rows [][]string
	for _, roundTrip := range []time.Duration{0, farAway} {
		for _, protocol := range []struct {
			name  string
			tls   *tls.Config
			http2 bool
		}{{"HTTP/1.1", nil, false}, {"TLS, HTTP/1.1", certificate, false}, {"TLS, HTTP/2", certificate, true}} {
			kind := upstreamKind{tls: protocol.tls, http2: protocol.http2, roundTrip: roundTrip}
			some, err := b.compareBefore(ctx, kind, redis, "SSL_CERT_FILE="+file)
			if err != nil {
				return fmt.Errorf("%s, %v: %w", protocol.name, roundTrip, err)
			}
			for _, row := range some {
				rows = append(rows, append([]string{protocol.name, roundTrip.String()}, row...))
			}
		}
	}
	b.report.table([]string{
		"upstream", "latency", "what", "CPU a request, µs", "ratio", "requests/s", "ratio", "median, ms", "99 %, ms", "opened", "open",
	}, rows)
	return nil
}

// compareBefore drives bare and Stagedoor before one kind of upstream.
func (b *bench) compareBefore(ctx context.Context, kind upstreamKind, redis *redisServer, variable string) ([][]string, error) {
	to, err := b.startUpstream(kind)
	if err != nil {
		return nil, err
	}
	bare, err := b.startBare(ctx, "bare proxy", to, variable)
	if err != nil {
		return nil, err
	}
	stagedoor, err := b.startLoggedIn(ctx, gatewayKind{name: "Stagedoor", redis: redis, variables: []string{variable}}, to)
	if err != nil {
		return nil, err
	}
	targets := []target{bare, stagedoor}
	samples, err := b.interleave(ctx, targets, smallPage)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for i, t := range targets {
		cpu, rate := column(samples[i], sample.cpuOf), column(samples[i], sample.rateOf)
		rows = append(rows, []string{
			t.name, cpu.text(1), cpu.over(column(samples[0], sample.cpuOf)).text(3),
			rate.text(0), rate.over(column(samples[0], sample.rateOf)).text(3),
			column(samples[i], sample.p50Of).text(2), column(samples[i], sample.p99Of).text(2),
			column(samples[i], sample.openedOf).text(0), column(samples[i], sample.openOf).text(0),
		})
		t.process.stop() // the next kind has processes of its own
	}
	return rows, nil
}
