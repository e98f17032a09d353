package main

import (
	"context"
	"slices"
	"time"
)

// shortLife is how long tokens live where their end is waited for, in whole seconds.
const shortLife = 2 * time.Second

// measureRefresh counts what the first call after expiry does elsewhere, and the call behind it.
func measureRefresh(ctx context.Context, b *bench) error {
	if err := b.startSimulator(shortLife); err != nil { // instead of the usual one
		return err
	}
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	t, err := b.startLoggedIn(ctx, gatewayKind{name: "Stagedoor", redis: redis}, to)
	if err != nil {
		return err
	}
	var first, next [3]series
	for range b.options.rounds {
		select {
		case <-time.After(shortLife + time.Second/2):
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, calls := range []*[3]series{&first, &next} {
			counted, err := b.countCalls(ctx, t)
			if err != nil {
				return err
			}
			for i := range calls {
				calls[i] = append(calls[i], counted[i])
			}
		}
	}
	b.report.text("What one call does elsewhere.")
	b.report.table([]string{"call", "token calls", "calls of the Web API", "Redis commands"}, [][]string{
		{"the first after expiry", first[0].text(0), first[1].text(0), first[2].text(0)},
		{"the one behind it", next[0].text(0), next[1].text(0), next[2].text(0)},
	})
	b.report.goals.reached(goalExpiry, slices.Max(first[0]))
	b.report.goals.reached(goalExpiryAPI, slices.Max(first[1]))
	return nil
}

// countCalls makes one call and returns how many calls of the token endpoint, of the Web API and of Redis it made.
func (b *bench) countCalls(ctx context.Context, t target) (calls [3]float64, err error) {
	count := func() (now [3]float64, err error) {
		for _, n := range b.spotify.Counts().TokenCalls {
			now[0] += float64(n)
		}
		now[1] = float64(t.upstream.asked.Load())
		now[2], err = t.redis.info("total_commands_processed")
		return now, err
	}
	before, err := count()
	if err != nil {
		return calls, err
	}
	if _, err := t.get(ctx, smallPage); err != nil {
		return calls, err
	}
	after, err := count()
	for i := range calls {
		calls[i] = after[i] - before[i]
	}
	calls[2]-- // one of them asked for the count
	return calls, err
}
