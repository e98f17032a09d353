package fault

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/stage"
)

var (
	faultsMode   = flag.String("faults", "short", "short or full: the size of TestFaults")
	faultsReport = flag.String("faults-report", "", "the file that TestFaults writes its table to")
	faultsSoak   = flag.Duration("faults-soak", 30*time.Minute, "how long the mixed load of the full TestFaults lasts")
)

// faultCase is a row of docs/faults.md.
type faultCase struct {
	group string // what breaks
	name  string
	run   func(*trial)
}

// faultCases are the rows in their order.
var faultCases = []faultCase{
	{"token endpoint", "slow token endpoint", slowTokenEndpoint},
	{"token endpoint", "many sessions expire at once", manySessionsExpire},
	{"client", "the client that began the refresh leaves", firstClientLeaves},
	{"replica", "kill -9 of the lease holder before the token call", holderKilledBeforeTheCall},
	{"replica", "kill -9 of the lease holder before the save", holderKilledBeforeTheSave},
	{"replica", "the lease holder sleeps while another refreshes", holderSleeps},
	{"token endpoint", "a sick token endpoint", sickTokenEndpoint},
	{"token endpoint", "invalid_grant", grantEnds},
	{"token endpoint", "invalid_client", clientIsRefused},
	{"Redis", "Redis is down", redisIsDown},
	{"Redis", "Redis is down while a refresh is saved", redisIsDownDuringASave},
	{"Redis", "Redis is full", redisIsFull},
	{"Redis", "Redis forgets everything", redisForgets},
	{"Redis", "Sentinel failover", sentinelFailover},
	{"Redis Cluster", "kill -9 of a master of a cluster", clusterMasterKilled},
	{"Redis Cluster", "a master of a cluster hangs", clusterMasterHangs},
	{"Redis Cluster", "slots of a cluster move under load", clusterReshards},
	{"replica", "rolling restart", rollingRestart},
	{"replica", "SIGTERM during a refresh", terminatedDuringARefresh},
	{"client", "logout races a refresh", logoutRacesRefresh},
	{"replica", "clocks differ", clocksDiffer},
	{"Web API", "401 and resets of the Web API", webAPIRefuses},
	{"network", "connections die silently", connectionsDieSilently},
	{"network", "an HTTP/2 edge drains its connections", edgeDrains},
	{"Web API", "the app is banned", appIsBanned},
	{"Web API", "Retry-After of all kinds", retryAfterOfAllKinds},
	{"Redis", "Redis restarts while the budget runs", budgetOverRestart},
	{"Redis", "Redis restarts while the gate is closed", gateOverRestart},
	{"Redis", "Sentinel failover while the budget runs", budgetOverFailover},
	{"Redis", "Sentinel failover while the gate is closed", gateOverFailover},
	{"replica", "clocks differ, and calls are limited", limitsWithSkew},
	{"Redis", "Redis is frozen while streams are open", liveOverFrozenRedis},
	{"replica", "kill -9 of the replica that polls", livePollerKilled},
	{"client", "more requests than there are files for", filesRunOut},
	{"client", "5,000 connections in 128 MiB", memoryIsSmall},
	{"everything", "mixed load with faults", mixedLoad},
}

// everyRun are the cases that run when tests are not long.
var everyRun = []string{"slow token endpoint", "kill -9 of the lease holder before the save", "Redis is down", "rolling restart", "the app is banned"}

// TestFaults sends load through real processes while something breaks, and measures. A plain run has a few cases at short sizes, and a
// long one all of them. `-faults=full` has the sizes that docs/faults.md shows, and wants the machine for itself.
func TestFaults(t *testing.T) {
	if *faultsMode != "short" && *faultsMode != "full" {
		t.Fatalf("-faults=%s is no size; write short or full", *faultsMode)
	}
	stage.ExactTimes = *faultsMode == "full"
	report := &faultReport{rows: make([]*trial, len(faultCases))}
	t.Run("cases", func(t *testing.T) { // ends when its parallel cases have
		for i, c := range faultCases {
			t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
				if *faultsMode == "short" { // the full set is measured, so nothing else shall run
					if !slices.Contains(everyRun, c.name) {
						stage.OnlyLong(t, "one of many faults")
					}
					t.Parallel()
				}
				r := &trial{T: t, name: c.name, full: *faultsMode == "full"}
				report.set(i, r)
				c.run(r)
				t.Logf("%s\n  load: %s\n  expected: %s\n  measured: %s", r.name, r.load,
					strings.Join(r.expected, "; "), strings.Join(r.measured, "; "))
			})
		}
	})
	if *faultsReport != "" {
		report.write(t, *faultsReport)
	}
}

// trial is a case while it runs, and its row afterwards.
type trial struct {
	*testing.T
	name string
	full bool
	load string

	expected, measured []string
}

// size is how much of something the case has: the first in the short set, the second in the full one.
func size[T any](r *trial, short, full T) T {
	if r.full {
		return full
	}
	return short
}

// within is how long something may take that is promised within a time. The full set holds promises to the letter. The short
// one shares the machine with every other test, so it only tells soon from never.
func (r *trial) within(promised time.Duration) time.Duration {
	return size(r, promised+10*time.Second, promised)
}

// loaded says what the case does, in the words of the table.
func (r *trial) loaded(format string, values ...any) { r.load = fmt.Sprintf(format, values...) }

// expect is a named expectation of the case.
func (r *trial) expect(what string, met bool, format string, values ...any) {
	r.Helper()
	mark := "✓"
	if !met {
		mark = "✗"
		r.Errorf("%s: expected %s, but %s", r.name, what, fmt.Sprintf(format, values...))
	}
	for i, known := range r.expected { // once in the table, however often it is looked at
		if strings.TrimLeft(known, "✓✗ ") == what {
			if !met {
				r.expected[i] = mark + " " + what
			}
			return
		}
	}
	r.expected = append(r.expected, mark+" "+what)
}

// measure records a figure.
func (r *trial) measure(format string, values ...any) {
	r.measured = append(r.measured, fmt.Sprintf(format, values...))
}

// faultReport collects the rows of the table.
type faultReport struct {
	mu   sync.Mutex // guards rows
	rows []*trial
}

func (f *faultReport) set(i int, r *trial) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows[i] = r
}

const reportHead = `# Faults

What happens to sessions when something breaks. This page is the output of

` + "```sh" + `
go test ./e2e/fault -run '^TestFaults$' -timeout 2h -v -faults=%s -faults-report=../../docs/faults.md%s
` + "```" + `

on %s, with gateway processes, Redis, the simulator and the load on one machine of %d processors. Every expectation is
asserted: ✓ was met. Times are medians or worst cases as named; they say more about the machine than about the gateway.
[docs/refresh.md](refresh.md) tells how it works.

Before there was a limit of requests, a replica with ulimit -n 256 met 300 requests a second, for 10 s of a frontend that takes 2 s, with 1,802
times 502 and 69 requests without an answer within 20 s; all its files were open, and /readyz answered 1 of 19 times.

| what breaks | case | load | expected | measured |
|---|---|---|---|---|
`

func (f *faultReport) write(t *testing.T, path string) {
	t.Helper()
	soak := ""
	if *faultsMode == "full" {
		soak = fmt.Sprintf(" -faults-soak=%v", *faultsSoak)
	}
	var b strings.Builder
	fmt.Fprintf(&b, reportHead, *faultsMode, soak, time.Now().UTC().Format(time.DateOnly), processors())
	for i, r := range f.rows {
		if r == nil { // left out by -run
			fmt.Fprintf(&b, "| %s | %s | not run | | |\n", faultCases[i].group, faultCases[i].name)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", faultCases[i].group, r.name, r.load,
			strings.Join(r.expected, "<br>"), strings.Join(r.measured, "<br>"))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
