package main

import (
	"context"
	"fmt"
	"time"
)

// warmUp is how long each process is driven before it is measured: connections, pools and the heap find their size.
const warmUp = 2 * time.Second

// target is something that is driven and measured.
type target struct {
	name     string
	process  *process
	base     string       // origin and prefix before a page
	cookies  []string     // of its sessions
	redis    *redisServer // what it asks; nil: none
	upstream *upstream
	distinct bool // every request asks for a page of its own, so that none is joined or kept
	http2    bool // over TLS, driven by h2load
}

// sample is one round's figures of one target.
type sample struct {
	cpu           float64 // microseconds a request, of the process
	rate          float64 // requests a second
	p50, p99      float64 // milliseconds until an answer was complete
	redisCPU      float64 // microseconds a request, of Redis
	redisCommands float64 // a request
	opened        float64 // connections to the upstream
}

// These take one figure out of a sample, for column.
func (s sample) cpuOf() float64           { return s.cpu }
func (s sample) rateOf() float64          { return s.rate }
func (s sample) p50Of() float64           { return s.p50 }
func (s sample) p99Of() float64           { return s.p99 }
func (s sample) redisCPUOf() float64      { return s.redisCPU }
func (s sample) redisCommandsOf() float64 { return s.redisCommands }
func (s sample) openedOf() float64        { return s.opened }

// interleave drives each target in turns, A B C, A B C, so that a slow minute of the machine is everybody's. The result
// has the targets' order.
func (b *bench) interleave(ctx context.Context, targets []target, page string) ([][]sample, error) {
	for _, t := range targets {
		if _, err := t.get(ctx, page); err != nil { // wrk takes a redirect to a login for an answer
			return nil, err
		}
		if _, err := b.driver(t)(ctx, b.loadOf(t, page, warmUp)); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	samples := make([][]sample, len(targets))
	for round := range b.options.rounds {
		for i, t := range targets {
			one, err := b.sample(ctx, t, page)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			samples[i] = append(samples[i], one)
		}
		b.say("round %d of %d", round+1, b.options.rounds)
	}
	return samples, nil
}

func (b *bench) loadOf(t target, page string, length time.Duration) load {
	return load{url: t.base + page, cookies: t.cookies, connections: b.options.connections, length: length, distinct: t.distinct}
}

// driver returns what drives a target.
func (b *bench) driver(t target) func(context.Context, load) (result, error) {
	if t.http2 {
		return b.driveHTTP2
	}
	return b.drive
}

// counters are what grows with the requests.
type counters struct {
	cpu, redisCPU time.Duration
	commands      float64
	opened        int64
}

// sample drives a target once.
func (b *bench) sample(ctx context.Context, t target, page string) (sample, error) {
	before, err := t.count()
	if err != nil {
		return sample{}, err
	}
	r, err := b.driver(t)(ctx, b.loadOf(t, page, b.options.length))
	if err != nil {
		return sample{}, err
	}
	after, err := t.count()
	if err != nil {
		return sample{}, err
	}
	if err := t.process.emptyLog(); err != nil {
		return sample{}, err
	}
	return newSample(r, before, after), nil
}

func newSample(r result, before, after counters) sample {
	n := float64(r.requests)
	s := sample{
		cpu:      microseconds(after.cpu-before.cpu) / n,
		rate:     n / r.elapsed.Seconds(),
		p50:      milliseconds(r.p50),
		p99:      milliseconds(r.p99),
		redisCPU: microseconds(after.redisCPU-before.redisCPU) / n,
		opened:   float64(after.opened - before.opened),
	}
	if after.commands > 0 {
		s.redisCommands = (after.commands - before.commands - 1) / n // one of them asked for the count
	}
	return s
}

func (t target) count() (counters, error) {
	var c counters
	var err error
	if t.redis != nil {
		if c.redisCPU, err = cpuTime(t.redis.pid); err != nil {
			return c, err
		}
		if c.commands, err = t.redis.info("total_commands_processed"); err != nil {
			return c, err
		}
	}
	if t.upstream != nil {
		c.opened = t.upstream.opened.Load()
	}
	c.cpu, err = cpuTime(t.process.pid)
	return c, err
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
