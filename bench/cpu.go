package main

import "context"

// relaxedGC is the same setting of the garbage collector for both sides of a comparison.
const relaxedGC = "GOGC=400"

// measureCPU compares everything that does the job on a small answer over plain HTTP.
func measureCPU(ctx context.Context, b *bench) error {
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	// The first two pairs are what the goals compare: bare and Stagedoor, as shipped and with the same GC setting.
	targets, err := b.startPairs(ctx, to, redis)
	if err != nil {
		return err
	}
	for _, variables := range [][]string{nil, {relaxedGC}} {
		t, err := b.startLoggedIn(ctx, gatewayKind{name: named("Stagedoor, memory", variables), variables: variables}, to)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	others, err := b.startServers(ctx, servers, serverPlace{to: to})
	if err != nil {
		return err
	}
	targets = append(targets, others...)
	if b.options.oauth2Proxy != "" {
		t, err := b.startOAuth2Proxy(ctx, to, redis)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	samples, err := b.interleave(ctx, targets, smallPage)
	if err != nil {
		return err
	}
	b.reportCPU(targets, samples)
	return nil
}

// startPairs starts bare and Stagedoor with Redis, and both again with the relaxed GC.
func (b *bench) startPairs(ctx context.Context, to *upstream, redis *redisServer) ([]target, error) {
	var targets []target
	for _, variables := range [][]string{nil, {relaxedGC}} {
		bare, err := b.startBare(ctx, named("bare proxy", variables), to, "", variables...)
		if err != nil {
			return nil, err
		}
		kind := gatewayKind{name: named("Stagedoor, Redis", variables), redis: redis, variables: variables}
		stagedoor, err := b.startLoggedIn(ctx, kind, to)
		if err != nil {
			return nil, err
		}
		targets = append(targets, bare, stagedoor)
	}
	return targets, nil
}

func named(name string, variables []string) string {
	for _, variable := range variables {
		name += ", " + variable
	}
	return name
}

// startLoggedIn starts a Stagedoor before an upstream, with one session.
func (b *bench) startLoggedIn(ctx context.Context, kind gatewayKind, to *upstream) (target, error) {
	kind.api = to.api
	g, err := b.startGateway(ctx, kind)
	if err != nil {
		return target{}, err
	}
	cookies, err := g.logins(ctx, 1)
	if err != nil {
		return target{}, err
	}
	t := g.target(to, kind.redis, cookies)
	t.http2 = kind.certificate != ""
	return t, nil
}

func (g *gateway) target(to *upstream, redis *redisServer, cookies []string) target {
	return target{name: g.name, process: g.process, base: g.origin + "/api", cookies: cookies, redis: redis, upstream: to}
}

func (b *bench) reportCPU(targets []target, samples [][]sample) {
	const bare, stagedoor, bareSameGC, stagedoorSameGC = 0, 1, 2, 3
	cpu := func(i int) series { return column(samples[i], sample.cpuOf) }
	rate := func(i int) series { return column(samples[i], sample.rateOf) }
	var rows [][]string
	for i, t := range targets {
		own := samples[i]
		row := []string{
			t.name, cpu(i).text(1), cpu(i).over(cpu(bare)).text(3),
			rate(i).text(0), rate(i).over(rate(bare)).text(3),
			column(own, sample.p50Of).text(2),
			column(own, sample.p99Of).text(2), "–", "–",
		}
		if t.redis != nil {
			row[7] = column(own, sample.redisCPUOf).text(1)
			row[8] = column(own, sample.redisCommandsOf).text(4)
		}
		rows = append(rows, row)
	}
	b.report.text("An answer of %d bytes over plain HTTP/1.1. Ratios are to the first line; between the two lines with %s they "+
		"are %s for CPU and %s for throughput. The system's servers and the bare proxy send a static header and know no "+
		"sessions.", smallSize, relaxedGC, cpu(stagedoorSameGC).over(cpu(bareSameGC)).text(3),
		rate(stagedoorSameGC).over(rate(bareSameGC)).text(3))
	b.report.table([]string{
		"what", "CPU a request, µs", "ratio", "requests/s", "ratio", "median, ms", "99 %, ms", "Redis CPU a request, µs",
		"Redis commands a request",
	}, rows)

	b.report.goals.reached(goalPlain, cpu(stagedoorSameGC).over(cpu(bareSameGC)).median())
	b.report.goals.reached(goalCommands, column(samples[stagedoor], sample.redisCommandsOf).median())
	if b.options.oauth2Proxy != "" {
		theirs := cpu(len(samples) - 1)
		b.report.goals.reached(goalPlainOAuth2, cpu(stagedoor).over(theirs).median())
	}
}
