package e2e

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func processors() int { return runtime.NumCPU() }

// footprint is what a process holds.
type footprint struct {
	goroutines, descriptors int
	residentMiB, peakMiB    int
}

func (f footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d MiB", f.goroutines, f.descriptors, f.residentMiB)
}

// footprint looks at a process whose admin listener has the profiler.
func (p *process) footprint() footprint {
	p.t.Helper()
	var f footprint
	_, profile := p.ask("/debug/pprof/goroutine?debug=1")
	if _, err := fmt.Sscanf(profile, "goroutine profile: total %d", &f.goroutines); err != nil {
		p.t.Fatalf("no profile of goroutines: %v", err)
	}
	folder := fmt.Sprintf("/proc/%d", p.command.Process.Pid)
	if open, err := os.ReadDir(folder + "/fd"); err == nil { // there is none beside Linux
		f.descriptors = len(open)
	}
	status, _ := os.ReadFile(folder + "/status")
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			f.residentMiB = kib >> 10
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			f.peakMiB = kib >> 10
		}
	}
	return f
}

// metric returns the value of one series, as the admin listener shows it; zero when it is not there.
func (p *process) metric(series string) float64 {
	p.t.Helper()
	_, exposition := p.ask("/metrics")
	for line := range strings.Lines(exposition) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				p.t.Fatalf("no value of a metric: %q", line)
			}
			return number
		}
	}
	return 0
}

// seconds is a duration for the table.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
