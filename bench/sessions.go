package main

import (
	"context"
	"fmt"
)

// measureSessions finds what sessions hold in the process.
func measureSessions(ctx context.Context, b *bench) error {
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	bare, err := b.startBare(ctx, "bare proxy", to, "")
	if err != nil {
		return err
	}
	stagedoor, err := b.startGateway(ctx, gatewayKind{name: "Stagedoor, Redis", api: to.api, redis: redis})
	if err != nil {
		return err
	}
	inMemory, err := b.startGateway(ctx, gatewayKind{name: "Stagedoor, memory", api: to.api})
	if err != nil {
		return err
	}
	targets := []target{bare}
	for _, g := range []*gateway{stagedoor, inMemory} {
		b.say("%s: %d logins", g.name, b.options.live)
		cookies, err := g.logins(ctx, b.options.live)
		if err != nil {
			return err
		}
		targets = append(targets, g.target(to, nil, cookies))
	}
	return b.measureLive(ctx, targets)
}

// measureLive uses all sessions in turns and then reads the processes' memory. The first target is the bare proxy.
func (b *bench) measureLive(ctx context.Context, targets []target) error {
	held := make([]series, len(targets))
	for range b.options.rounds {
		for i, t := range targets {
			if _, err := b.drive(ctx, b.loadOf(t, smallPage, b.options.length)); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			bytes, err := residentBytes(t.process.pid)
			if err != nil {
				return err
			}
			held[i] = append(held[i], bytes/1e6)
			if err := t.process.emptyLog(); err != nil {
				return err
			}
		}
	}
	var rows [][]string
	for i, t := range targets {
		rows = append(rows, []string{t.name, held[i].text(1), held[i].minus(held[0]).text(1)})
	}
	b.report.text("RSS after %v of requests that use %d sessions in turns.", b.options.length, b.options.live)
	b.report.table([]string{"what", "RSS, MB", "above the bare proxy, MB"}, rows)
	b.report.goals.reached(goalLive, held[1].minus(held[0]).median())
	return nil
}
