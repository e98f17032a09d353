package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// h2Streams is how many requests of one connection are on their way at a time.
const h2Streams = 4

// driveHTTP2 runs h2load: it speaks HTTP/2 over TLS, which wrk does not.
func (b *bench) driveHTTP2(ctx context.Context, l load) (result, error) {
	log := filepath.Join(b.folder, "h2load.log")
	defer func() { _ = os.Remove(log) }() // the folder goes in the end
	args := []string{
		"-t1", fmt.Sprintf("-c%d", max(1, l.connections/h2Streams)), fmt.Sprintf("-m%d", h2Streams),
		fmt.Sprintf("-D%.0f", l.length.Seconds()), "--warm-up-time=0", "--log-file=" + log,
	}
	cookies := strings.Join(append([]string{otherCookies}, l.cookies...), "; ")
	for _, header := range append(browserHeaders, "Cookie: "+cookies) {
		args = append(args, "-H", header)
	}
	output, err := exec.CommandContext(ctx, "h2load", append(args, l.url)...).CombinedOutput()
	if ctx.Err() != nil {
		return result{}, ctx.Err()
	}
	if err != nil {
		return result{}, fmt.Errorf("h2load failed: %w\n%s", err, output)
	}
	lines, err := os.ReadFile(log)
	if err != nil {
		return result{}, err
	}
	r := parseHTTP2(string(lines))
	if r.elapsed = l.length; r.requests == 0 {
		return r, fmt.Errorf("h2load got no answer; it wrote:\n%s", output)
	}
	return r, r.check(l)
}

// parseHTTP2 reads h2load's log, a line for each answer: when it was asked for, its status, and how long it took, in
// microseconds.
func parseHTTP2(log string) result {
	var r result
	var times []time.Duration
	for line := range strings.Lines(log) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		status, statusErr := strconv.Atoi(fields[1])
		took, tookErr := strconv.ParseInt(fields[2], 10, 64)
		if statusErr != nil || tookErr != nil {
			continue
		}
		r.requests++
		if status < 200 || status > 399 {
			r.refused++
		}
		times = append(times, time.Duration(took)*time.Microsecond)
	}
	if len(times) == 0 {
		return r
	}
	slices.Sort(times)
	r.p50, r.p99 = times[len(times)/2], times[len(times)*99/100]
	return r
}
