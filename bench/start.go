package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// certificates is what the Dockerfile copies beside the program and its configuration.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// measureStart finds how long a process takes until it is ready, and how large it is.
func measureStart(ctx context.Context, b *bench) error {
	redis, err := b.startRedis(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, kind := range []gatewayKind{{name: "Stagedoor, Redis", redis: redis}, {name: "Stagedoor, memory"}} {
		kind.api = b.accounts + "/v1"
		var times series
		for range b.options.rounds {
			g, err := b.startGateway(ctx, kind)
			if err != nil {
				return err
			}
			times = append(times, milliseconds(time.Since(g.started)))
			g.stop()
		}
		rows = append(rows, []string{kind.name, times.text(1)})
		if kind.redis != nil {
			b.report.goals.reached(goalReady, times.median())
		}
	}
	b.report.text("From the start of the process until /readyz says yes, asked every millisecond.")
	b.report.table([]string{"what", "ms"}, rows)
	return b.measureSize()
}

// measureSize adds up the files of the image, which is made of nothing else.
func (b *bench) measureSize() error {
	var total, program, compressed int
	for _, path := range []string{b.binary, filepath.Join(b.root, "config.yaml"), certificates} {
		file, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("a file of the image is not there: %w", err)
		}
		total += len(file)
		compressed += len(compress(file))
		if path == b.binary {
			program = len(file)
		}
	}
	b.report.text("The program has %.2f MB, built as the Dockerfile builds it; with certificates and configuration, which is all that "+
		"the image holds, it is %.2f MB unpacked, and %.2f MB as registries keep it, with gzip.",
		float64(program)/1e6, float64(total)/1e6, float64(compressed)/1e6)
	b.report.goals.reached(goalImage, float64(total)/1e6)
	return nil
}
