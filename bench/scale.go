package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// measureScale finds how cost grows with sessions in Redis and with replicas.
func measureScale(ctx context.Context, b *bench) error {
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	kind := gatewayKind{name: "Stagedoor", api: to.api, redis: redis, key: newKey()}
	g, err := b.startGateway(ctx, kind)
	if err != nil {
		return err
	}
	empty, err := redis.info("used_memory")
	if err != nil {
		return err
	}
	var rows [][]string
	t := g.target(to, redis, nil)
	for _, n := range b.options.scale {
		b.say("%d logins", n-len(t.cookies))
		more, err := g.logins(ctx, n-len(t.cookies))
		if err != nil {
			return err
		}
		t.cookies = append(t.cookies, more...)
		row, err := b.measureCrowd(ctx, t, empty)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	b.report.text("Requests use all sessions in turns, through one replica. Memory is used_memory of Redis above that of an empty one.")
	b.report.table([]string{
		"sessions", "CPU a request, µs", "requests/s", "Redis CPU a request, µs", "Redis commands a request",
		"Redis memory, MB", "bytes a session", "RSS, MB",
	}, rows)
	last := rows[len(rows)-1]
	b.report.text("So sessions take %s bytes of Redis each, and a request a second takes %s µs of processor a second for the replicas "+
		"and %s µs for Redis, which has one processor.", last[6], last[1], last[3])
	if err := b.measureRecords(t); err != nil {
		return err
	}
	g.stop()
	return b.measureReplicas(ctx, kind, t)
}

// measureRecords finds what Redis holds for a session.
func (b *bench) measureRecords(t target) error {
	keys, bytes, err := t.redis.memory()
	if err != nil {
		return err
	}
	each := bytes / float64(len(t.cookies))
	b.report.text("For these sessions, each of another user, Redis holds %d keys. MEMORY USAGE of all of them is %.1f bytes a session: its record, and its shares of "+
		"the user's index, of traces and of names. A login leaves 168 bytes more for ten minutes.", keys, each)
	b.report.goals.reached(goalRecord, each)
	return nil
}

// measureCrowd drives one replica with all sessions.
func (b *bench) measureCrowd(ctx context.Context, t target, empty float64) ([]string, error) {
	used, err := t.redis.info("used_memory")
	if err != nil {
		return nil, err
	}
	samples, err := b.interleave(ctx, []target{t}, smallPage)
	if err != nil {
		return nil, err
	}
	resident, err := residentBytes(t.process.pid)
	if err != nil {
		return nil, err
	}
	own, n := samples[0], float64(len(t.cookies))
	return []string{
		fmt.Sprintf("%.0f", n), column(own, sample.cpuOf).text(1), column(own, sample.rateOf).text(0),
		column(own, sample.redisCPUOf).text(1), column(own, sample.redisCommandsOf).text(4),
		fmt.Sprintf("%.1f", (used-empty)/1e6), fmt.Sprintf("%.1f", (used-empty)/n), fmt.Sprintf("%.1f", resident/1e6),
	}, nil
}

// measureReplicas drives 1, 2, 4, … replicas at once with the sessions of t, which share the connections.
func (b *bench) measureReplicas(ctx context.Context, kind gatewayKind, t target) error {
	var rows [][]string
	var replicas, bares []target
	var cpu []float64
	for n := 1; n <= b.options.replicas; n *= 2 {
		for len(replicas) < n {
			bare, err := b.startBare(ctx, "bare proxy", t.upstream, "")
			if err != nil {
				return err
			}
			bares = append(bares, bare)
			g, err := b.startGateway(ctx, kind)
			if err != nil {
				return err
			}
			replicas = append(replicas, g.target(t.upstream, t.redis, t.cookies))
		}
		samples, err := b.driveTogether(ctx, replicas)
		if err != nil {
			return err
		}
		others, err := b.driveTogether(ctx, bares)
		if err != nil {
			return err
		}
		cpu = append(cpu, column(samples, sample.cpuOf).median())
		rows = append(rows, []string{
			fmt.Sprint(n), column(samples, sample.cpuOf).text(1), column(samples, sample.rateOf).text(0),
			column(samples, sample.redisCPUOf).text(1), column(samples, sample.redisCommandsOf).text(4), column(others, sample.cpuOf).text(1),
		})
	}
	b.report.text("Replicas on one Redis with %d sessions, all at once on this machine; CPU is that of all replicas, divided by all "+
		"requests. The last column is that of as many bare proxies, driven alike: what so many processes cost on the same processors.", len(t.cookies))
	b.report.table([]string{
		"replicas", "CPU a request, µs", "requests/s", "Redis CPU a request, µs", "Redis commands a request", "bare proxies, CPU a request, µs",
	}, rows)
	if b.options.replicas >= 8 {
		b.report.goals.reached(goalReplicas, cpu[3]/cpu[0])
	}
	return nil
}

// driveTogether drives all replicas at once, round by round behind one that is not counted.
func (b *bench) driveTogether(ctx context.Context, replicas []target) ([]sample, error) {
	var samples []sample
	for round := range b.options.rounds + 1 {
		before, err := countAll(replicas)
		if err != nil {
			return nil, err
		}
		results := make([]result, len(replicas))
		group, groupCtx := errgroup.WithContext(ctx)
		for i, t := range replicas {
			l := b.loadOf(t, smallPage, b.options.length)
			l.connections = max(1, l.connections/len(replicas))
			group.Go(func() (err error) {
				results[i], err = b.drive(groupCtx, l)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		after, err := countAll(replicas)
		if err != nil {
			return nil, err
		}
		if round > 0 {
			samples = append(samples, newSample(together(results), before, after))
		}
		for _, t := range replicas {
			if err := t.process.emptyLog(); err != nil {
				return nil, err
			}
		}
	}
	return samples, nil
}

// countAll adds up the replicas' CPU time; Redis is counted once.
func countAll(replicas []target) (counters, error) {
	total, err := replicas[0].count()
	for _, t := range replicas[1:] {
		if err != nil {
			break
		}
		var more counters
		t.redis = nil
		more, err = t.count()
		total.cpu += more.cpu
	}
	return total, err
}

// together adds up what ran side by side.
func together(results []result) result {
	var sum result
	for _, r := range results {
		sum.requests += r.requests
		sum.elapsed = max(sum.elapsed, r.elapsed)
		sum.p50, sum.p99 = max(sum.p50, r.p50), max(sum.p99, r.p99)
	}
	return sum
}
