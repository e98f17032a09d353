package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// streamsARound is how many streams are read from each in one round.
const streamsARound = 20

// measureStreams finds how far the first byte of a stream is behind the moment in which it left the upstream.
func measureStreams(ctx context.Context, b *bench) error {
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	bare, err := b.startBare(ctx, "bare proxy", to, "")
	if err != nil {
		return err
	}
	stagedoor, err := b.startLoggedIn(ctx, gatewayKind{name: "Stagedoor", redis: redis}, to)
	if err != nil {
		return err
	}
	targets := []target{{name: "no proxy", base: to.api}, bare, stagedoor}
	late, whole := make([]series, len(targets)), make([]series, len(targets))
	for range b.options.rounds {
		for i, t := range targets {
			for range streamsARound {
				first, all, err := readStream(ctx, t)
				if err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
				late[i], whole[i] = append(late[i], milliseconds(first)), append(whole[i], milliseconds(all))
			}
		}
	}
	var rows [][]string
	for i, t := range targets {
		rows = append(rows, []string{t.name, late[i].text(3), fmt.Sprintf("%.3f", late[i].percentile(0.99)), whole[i].text(1)})
	}
	b.report.text("A JSON text of 1 MiB in %d pieces, %v apart, one stream at a time, %d in all from each. The stream begins with "+
		"the moment in which it left the upstream.", streamPieces, streamInterval, len(late[0]))
	b.report.table([]string{"what", "first byte behind the upstream's, ms", "slowest hundredth, ms", "whole answer, ms"}, rows)
	b.report.goals.reached(goalStream, late[len(late)-1].percentile(0.99)-late[1].percentile(0.99))
	return nil
}

// readStream reads a stream and returns how late its first byte was, and how long the whole took.
func readStream(ctx context.Context, t target) (first, all time.Duration, err error) {
	request, err := t.request(ctx, streamPage)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	response, err := plainClient.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if response.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("a stream was answered with %s", response.Status)
	}
	stamp := make([]byte, len(fmt.Sprintf(stampFormat, 0)))
	if _, err := io.ReadFull(response.Body, stamp); err != nil {
		return 0, 0, err
	}
	now := time.Now()
	var left int64
	if _, err := fmt.Sscanf(string(stamp), stampFormat, &left); err != nil {
		return 0, 0, fmt.Errorf("a stream begins with %q, without the time: %w", stamp, err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return now.Sub(time.Unix(0, left)), time.Since(began), err
}
