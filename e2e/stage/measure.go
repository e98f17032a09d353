package stage

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Footprint is what a process holds.
type Footprint struct {
	Goroutines, Descriptors int
	ResidentMiB, PeakMiB    int
}

func (f Footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d MiB", f.Goroutines, f.Descriptors, f.ResidentMiB)
}

// Footprint looks at a process whose admin listener has the profiler.
func (p *Process) Footprint() Footprint {
	p.T.Helper()
	var f Footprint
	_, profile := p.Ask("/debug/pprof/goroutine?debug=1")
	if _, err := fmt.Sscanf(profile, "goroutine profile: total %d", &f.Goroutines); err != nil {
		p.T.Fatalf("no profile of goroutines: %v", err)
	}
	folder := fmt.Sprintf("/proc/%d", p.Command.Process.Pid)
	if open, err := os.ReadDir(folder + "/fd"); err == nil { // there is none beside Linux
		f.Descriptors = len(open)
	}
	status, _ := os.ReadFile(folder + "/status")
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			f.ResidentMiB = kib >> 10
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			f.PeakMiB = kib >> 10
		}
	}
	return f
}

// Metric returns the value of one series, as the admin listener shows it; zero when it is not there.
func (p *Process) Metric(series string) float64 {
	p.T.Helper()
	_, exposition := p.Ask("/metrics")
	for line := range strings.Lines(exposition) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				p.T.Fatalf("no value of a metric: %q", line)
			}
			return number
		}
	}
	return 0
}
