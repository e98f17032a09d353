package command

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent is how much the heap may grow between two collections, in percent of what is alive. A request leaves much behind
// and little stays alive, so that Go's own 100 collects more often than is worth the memory.
const gcPercent = 200

// tuneMemory sets the garbage collector up for a server. GOGC and GOMEMLIMIT in the environment win; without them the heap
// keeps to nine tenths of the container's memory (cgroup v2). Only a profiler can read the profile that Go keeps otherwise.
func tuneMemory(e environment, profiler bool) {
	if !profiler {
		runtime.MemProfileRate = 0
	}
	if e.or("GOGC", "") == "" {
		debug.SetGCPercent(gcPercent)
	}
	text, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	limit, notANumber := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" without a limit
	if err == nil && notANumber == nil && e.or("GOMEMLIMIT", "") == "" {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}
