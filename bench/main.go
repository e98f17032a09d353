// Command bench measures what a logged-in request costs: `go run ./bench` from the repository's folder. It builds
// Stagedoor, starts it beside a bare reverse proxy and whatever else does the job on this machine, drives each with wrk in
// turns, reads the CPU time of each from /proc, and writes docs/benchmarks.md. It needs Linux, redis-server and wrk.
//
// Load generator, upstream, proxy and Redis share the machine, so throughput says what the whole chain can do there, and
// CPU a request what the proxy itself costs. Everything listens on 127.0.0.1 and is stopped at the end, and by Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	only        []string // names of sections; empty: all
	rounds      int
	length      time.Duration // of one run of wrk
	connections int           // keep-alive connections of wrk
	idle        int           // connections in the section idle
	live        int           // sessions in the section sessions
	scale       []int         // sessions in the section scale, ascending
	replicas    int           // the most replicas in the section scale
	oauth2Proxy string        // path of the program; empty: it is not measured
	report      string        // path of the page; empty: nothing is written
	picture     string        // path of the picture; empty: none is drawn
	notes       string        // path of the page's last part
	command     string        // how to do it again
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, or is the bare proxy when the arguments say so.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == bareCommand {
		return serveBare(ctx, args[1:])
	}
	o, err := readOptions(args)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o, out)
	if err != nil {
		return err
	}
	defer b.close()
	var failed error
	for _, s := range sections {
		if len(o.only) > 0 && !slices.Contains(o.only, s.name) {
			continue
		}
		b.say("%s: %s", s.name, s.title)
		if err := b.runSection(ctx, s); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
			b.say("%s was not measured: %v", s.name, err)
			b.report.text("This was not measured: something went wrong.")
		}
	}
	return errors.Join(failed, b.write(ctx))
}

func readOptions(args []string) (options, error) {
	o := options{command: strings.Join(append([]string{"go run ./bench"}, args...), " ")}
	var only, scale string
	var seconds int
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&only, "only", "", "sections to run, separated by commas: "+strings.Join(sectionNames(), ", "))
	flags.IntVar(&o.rounds, "rounds", 5, "how many times each is measured, in turns")
	flags.IntVar(&seconds, "seconds", 5, "how long one run of wrk takes")
	flags.IntVar(&o.connections, "connections", 64, "keep-alive connections of wrk")
	flags.IntVar(&o.idle, "idle", 10_000, "idle connections; as many as the limit of open files allows")
	flags.IntVar(&o.live, "live", 10_000, "live sessions whose memory is measured")
	flags.StringVar(&scale, "scale", "10000,100000", "numbers of sessions in Redis, ascending")
	flags.IntVar(&o.replicas, "replicas", 8, "the most replicas on one Redis")
	flags.StringVar(&o.oauth2Proxy, "oauth2-proxy", "", "path of oauth2-proxy, to measure it too")
	flags.StringVar(&o.report, "report", "", "the page to write, such as docs/benchmarks.md")
	flags.StringVar(&o.picture, "picture", "", "the picture to draw, such as docs/pictures/benchmarks.svg")
	flags.StringVar(&o.notes, "notes", "bench/notes.md", "the text that the page ends with")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.length = time.Duration(seconds) * time.Second
	if flags.NArg() > 0 || o.rounds < 1 || o.length < time.Second || o.connections < 1 || o.live < 1 || o.idle < 1 {
		return o, errors.New("there are no arguments beside flags, and -rounds, -seconds, -connections, -live and -idle are at least 1")
	}
	for name := range strings.SplitSeq(only, ",") {
		if name == "" {
			continue
		}
		if !slices.Contains(sectionNames(), name) {
			return o, fmt.Errorf("there is no section %q; choose from %s", name, strings.Join(sectionNames(), ", "))
		}
		o.only = append(o.only, name)
	}
	var err error
	o.scale, err = readNumbers(scale)
	return o, err
}

// readNumbers reads ascending numbers, separated by commas.
func readNumbers(list string) ([]int, error) {
	var numbers []int
	for text := range strings.SplitSeq(list, ",") {
		var n int
		if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n < 1 || len(numbers) > 0 && n <= numbers[len(numbers)-1] {
			return nil, fmt.Errorf("-scale: %q is no list of ascending numbers; write it like 10000,100000", list)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
