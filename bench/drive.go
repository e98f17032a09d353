package main

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// driveScript sends the requests and reports what came back in one line.
//
//go:embed drive.lua
var driveScript string

// browserName is the User-Agent of a browser.
const browserName = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"

// browserHeaders are what a browser sends with a fetch(), its cookies apart: about a kilobyte with them.
var browserHeaders = []string{
	"User-Agent: " + browserName,
	`sec-ch-ua: "Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141"`,
	"sec-ch-ua-mobile: ?0",
	`sec-ch-ua-platform: "Windows"`,
	"Accept: application/json, text/plain, */*",
	"Accept-Language: en-GB,en;q=0.9,de-DE;q=0.8,de;q=0.7,fr;q=0.6",
	"Accept-Encoding: gzip, deflate, br, zstd",
	"Referer: https://music.example.com/library/playlists/37i9dQZF1DXcBWIGoYBM5M?view=list&sort=added",
	"Sec-Fetch-Site: same-origin",
	"Sec-Fetch-Mode: cors",
	"Sec-Fetch-Dest: empty",
	"DNT: 1",
	"Priority: u=1, i",
}

// otherCookies are what other scripts of a site have left in the browser.
const otherCookies = "_ga=GA1.1.1234567890.1763900000; _ga_ABCDEFGHIJ=GS2.1.s1763900000$o5$g1$t1763900123$j60$l0$h0; " +
	"theme=dark; locale=en-GB; consent=necessary%2Cstatistics; player_volume=0.62"

// load is what wrk does.
type load struct {
	url         string
	cookies     []string // sessions, in turns; none: a browser that has other cookies only
	connections int
	length      time.Duration
	distinct    bool // the page gets a parameter of its own for each request
}

// result is what wrk saw.
type result struct {
	requests int64
	refused  int64 // answers above 399
	broken   int64 // connections
	late     int64 // answers that took longer than answerTime
	elapsed  time.Duration
	p50, p99 time.Duration // until an answer was complete
}

// answerTime is how long an answer may take.
const answerTime = 10 * time.Second

// tolerableErrors is the share of errors above which figures are about something else.
const tolerableErrors = 0.001

// drive runs wrk.
func (b *bench) drive(ctx context.Context, l load) (result, error) {
	output, err := b.wrk(ctx, l)
	if err != nil {
		return result{}, err
	}
	r, err := parseDrive(output)
	if err != nil {
		return result{}, err
	}
	return r, r.check(l)
}

// check tells of figures that are about something else than answers.
func (r result) check(l load) error {
	if float64(r.refused+r.broken+r.late) > tolerableErrors*float64(r.requests) {
		return fmt.Errorf("of %d requests to %s, %d were refused, %d broken and %d late, so the figures would be about "+
			"something else; see that the machine is quiet", r.requests, l.url, r.refused, r.broken, r.late)
	}
	return nil
}

// wrk runs it with one thread, which is plenty and leaves the other processors to what is measured, and returns what it
// writes.
func (b *bench) wrk(ctx context.Context, l load) (string, error) {
	cookies, err := b.writeCookies(l)
	if err != nil {
		return "", err
	}
	args := []string{"-t1", fmt.Sprintf("-c%d", l.connections), fmt.Sprintf("-d%.0fs", l.length.Seconds()),
		fmt.Sprintf("--timeout=%.0fs", answerTime.Seconds()), "-s", b.script}
	for _, header := range browserHeaders {
		args = append(args, "-H", header)
	}
	args = append(args, l.url, "--", cookies)
	if l.distinct {
		args = append(args, fmt.Sprintf("&n=%d-", time.Now().UnixNano()))
	}
	command := exec.CommandContext(ctx, "wrk", args...)
	output, err := command.CombinedOutput()
	_ = os.Remove(cookies) // the folder goes in the end
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("wrk failed: %w\n%s", err, output)
	}
	return string(output), nil
}

// writeCookies writes the Cookie headers for the script, one a line.
func (b *bench) writeCookies(l load) (path string, err error) {
	file, err := os.CreateTemp(b.folder, "cookies")
	if err != nil {
		return "", err
	}
	writer := bufio.NewWriter(file)
	for _, cookie := range l.cookies {
		fmt.Fprintln(writer, otherCookies+"; "+cookie)
	}
	if len(l.cookies) == 0 {
		fmt.Fprintln(writer, otherCookies)
	}
	if err := writer.Flush(); err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}

// parseDrive finds the script's line: numbers as in result, times in microseconds.
func parseDrive(output string) (result, error) {
	for line := range strings.Lines(output) {
		var r result
		var elapsed, p50, p99 int64
		n, _ := fmt.Sscanf(line, "driven %d %d %d %d %d %d %d", &r.requests, &r.refused, &r.broken, &r.late, &elapsed, &p50, &p99)
		if n == 7 && r.requests > 0 && elapsed > 0 {
			r.elapsed = time.Duration(elapsed) * time.Microsecond
			r.p50, r.p99 = time.Duration(p50)*time.Microsecond, time.Duration(p99)*time.Microsecond
			return r, nil
		}
	}
	return result{}, fmt.Errorf("wrk got no answer; it wrote:\n%s", output)
}
