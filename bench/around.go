package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"stagedoor/simulator"
)

const (
	// aroundLife is how long tokens live while requests around a refresh are timed. A minute before its end a token is due.
	aroundLife = 80 * time.Second
	// aroundWindow is how long requests are timed, once before and once around the refresh.
	aroundWindow = 10 * time.Second
	// aroundTokenTime is how long the token endpoint takes.
	aroundTokenTime = time.Second
	// aroundSessions is how many sessions ask, each every aroundEvery.
	aroundSessions = 8
	aroundEvery    = 20 * time.Millisecond
	// aroundRounds is the most rounds; each takes half a minute.
	aroundRounds = 3
)

// measureAround compares the time that requests take around a refresh with what they take without one.
func measureAround(ctx context.Context, b *bench) error {
	if err := b.startSimulator(aroundLife); err != nil { // instead of the usual one
		return err
	}
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	g, err := b.startGateway(ctx, gatewayKind{name: "Stagedoor", api: to.api, redis: redis})
	if err != nil {
		return err
	}
	var p50, p99, slowest, ratio50, ratio99 [2]series // without, around
	for range min(b.options.rounds, aroundRounds) {
		cookies, err := g.logins(ctx, aroundSessions)
		if err != nil {
			return err
		}
		due := time.Now().Add(aroundLife - time.Minute)
		if _, err := b.spotify.AddFault(simulator.Fault{Delay: aroundTokenTime}); err != nil { // nothing else is asked of it meanwhile
			return err
		}
		t := g.target(to, redis, cookies)
		refreshes := b.tokenCalls()
		for i, begin := range []time.Time{time.Now(), due.Add(-aroundWindow / 2)} {
			times, err := t.timed(ctx, begin)
			if err != nil {
				return err
			}
			p50[i], p99[i] = append(p50[i], times.percentile(0.5)), append(p99[i], times.percentile(0.99))
			slowest[i] = append(slowest[i], times.percentile(1))
			made := b.tokenCalls() - refreshes
			if want := float64(i * aroundSessions); made != want {
				return fmt.Errorf("%v refreshes were made in a window that should have %v", made, want)
			}
		}
		b.spotify.ClearFaults()
	}
	for i := range p50 {
		ratio50[i], ratio99[i] = p50[i].over(p50[0]), p99[i].over(p99[0])
	}
	b.report.text("%d sessions ask every %v, for ten seconds without a refresh and for ten seconds in whose middle every token is refreshed. The token "+
		"endpoint takes %v. Three rounds at most.", aroundSessions, aroundEvery, aroundTokenTime)
	b.report.table([]string{"requests", "median, ms", "ratio", "99 %, ms", "ratio", "slowest, ms"}, [][]string{
		{"without a refresh", p50[0].text(3), ratio50[0].text(3), p99[0].text(2), ratio99[0].text(3), slowest[0].text(0)},
		{"around a refresh", p50[1].text(3), ratio50[1].text(3), p99[1].text(2), ratio99[1].text(3), slowest[1].text(0)},
	})
	b.report.goals.reached(goalRefreshP50, ratio50[1].median())
	b.report.goals.reached(goalRefreshP99, ratio99[1].median())
	return nil
}

func (b *bench) tokenCalls() (calls float64) {
	for _, n := range b.spotify.Counts().TokenCalls {
		calls += float64(n)
	}
	return calls
}

// timed has each session ask at a steady pace for a window that begins then, and returns how long the answers took, in
// milliseconds.
func (t target) timed(ctx context.Context, begin time.Time) (series, error) {
	select {
	case <-time.After(time.Until(begin)):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithDeadline(ctx, time.Now().Add(aroundWindow))
	defer cancel()
	var mu sync.Mutex // guards times and failed
	var times series
	var failed error
	var sessions sync.WaitGroup
	for _, cookie := range t.cookies {
		own := t
		own.cookies = []string{cookie}
		sessions.Go(func() {
			ticks := time.NewTicker(aroundEvery)
			defer ticks.Stop()
			for {
				select {
				case <-ticks.C:
				case <-ctx.Done():
					return
				}
				took, err := own.time(ctx)
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				times, failed = append(times, milliseconds(took)), errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	sessions.Wait()
	return times, failed
}

// time tells how long one answer takes.
func (t target) time(ctx context.Context) (time.Duration, error) {
	request, err := t.request(ctx, smallPage)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	response, err := plainClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	_, err = io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("a request was answered with %s", response.Status)
	}
	return time.Since(began), err
}
