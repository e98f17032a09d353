package command

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent is how much the heap may grow between two collections, in percent of what is alive. A request leaves much behind
// and little stays alive, so Go's own 100 collects more often than is worth the memory.
const gcPercent = 200

// setMemory sets the garbage collector up for a server: gcPercent, and nine tenths of the container's memory (cgroup v2). GOGC
// and GOMEMLIMIT in the environment win.
func setMemory(e environment) {
	if e.or("GOGC", "") == "" {
		debug.SetGCPercent(gcPercent)
	}
	text, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	limit, notANumber := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" without a limit
	if err == nil && notANumber == nil && e.or("GOMEMLIMIT", "") == "" {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}
