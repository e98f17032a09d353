package main

import (
	"context"
	"fmt"
)

// measureGC finds what the setting of the garbage collector that Stagedoor is shipped with saves, and what it costs.
func measureGC(ctx context.Context, b *bench) error {
	to, redis, file, err := b.startSecureBackends(ctx, 0)
	if err != nil {
		return err
	}
	settings := []string{"GOGC=100", sameGC, relaxedGC}
	var targets []target
	for _, gc := range settings {
		t, err := b.startLoggedIn(ctx, gatewayKind{name: gc, redis: redis, quota: asShipped, variables: []string{gc, "SSL_CERT_FILE=" + file}}, to)
		if err != nil {
			return err
		}
		t.distinct = true
		targets = append(targets, t)
	}
	samples, err := b.interleave(ctx, targets, fewPage)
	if err != nil {
		return err
	}
	var rows [][]string
	for i, t := range targets {
		resident, err := residentBytes(t.process.pid)
		if err != nil {
			return err
		}
		cpu := column(samples[i], sample.cpuOf)
		rows = append(rows, []string{
			t.name, cpu.text(1), cpu.over(column(samples[0], sample.cpuOf)).text(3), fmt.Sprintf("%.1f", resident/1e6),
		})
	}
	b.report.text("Stagedoor on the real path with the page of 3 KB and its cache full, by the setting of the garbage collector; it is shipped with %s.", sameGC)
	b.report.table([]string{"setting", "CPU a request, µs", "ratio", "RSS, MB"}, rows)
	return nil
}
