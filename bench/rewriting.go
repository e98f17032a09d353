package main

import "context"

// measureRewriting compares the bare proxy, which passes a page on, with Stagedoor, which rewrites its links.
func measureRewriting(ctx context.Context, b *bench) error {
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	targets, err := b.startPairs(ctx, to, redis)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, page := range []struct{ name, path string }{{"plain", linkPage}, {"gzip", gzipPage}} {
		samples, err := b.interleave(ctx, targets, page.path)
		if err != nil {
			return err
		}
		for i, t := range targets {
			cpu, rate := column(samples[i], sample.cpuOf), column(samples[i], sample.rateOf)
			base := samples[i-i%2] // the bare proxy with the same GC
			rows = append(rows, []string{
				page.name, t.name, cpu.text(1), cpu.over(column(base, sample.cpuOf)).text(3),
				rate.text(0), rate.over(column(base, sample.rateOf)).text(3),
			})
		}
		if page.path == linkPage {
			ratio := column(samples[1], sample.cpuOf).over(column(samples[0], sample.cpuOf))
			b.report.goals.reached(goalLinks, ratio.median())
		}
	}
	b.report.text("A page of %d bytes with a link into the API in each of its items. The bare proxy passes it on as it is; "+
		"Stagedoor turns the links into its own. A compressed page is unpacked and packed again for that. Ratios are to the "+
		"bare proxy with the same GC setting.", pageSize)
	b.report.table([]string{"page", "what", "CPU a request, µs", "ratio", "requests/s", "ratio"}, rows)
	return nil
}
