package command

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"go.uber.org/zap"
)

// gcPercent is how much the heap may grow, in percent of what is alive, before it is collected. What is alive in a gateway
// is small and what a request leaves behind is not, so Go's own 100 would collect all the time.
const gcPercent = 400

// memoryShare is the part of a container's memory, in percent, from which on the collector works harder.
const memoryShare = 90

// cgroupLimits are where Linux tells a container how much memory it has, cgroup v2 first.
var cgroupLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// tuneMemory sets the garbage collector up for a server. GOGC and GOMEMLIMIT in the environment win.
func tuneMemory(e environment, log *zap.Logger) {
	if _, set := e.lookup("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	if _, set := e.lookup("GOMEMLIMIT"); set {
		return
	}
	if limit, found := containerMemory(os.ReadFile); found {
		debug.SetMemoryLimit(limit / 100 * memoryShare)
		log.Debug("the garbage collector keeps to the container's memory", zap.Int64("bytes", limit))
	}
}

// containerMemory returns the container's memory in bytes, if it has a limit.
func containerMemory(read func(path string) ([]byte, error)) (limit int64, found bool) {
	for _, path := range cgroupLimits {
		text, err := read(path)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		// v2 says "max" for none, v1 a number that no machine has.
		return limit, err == nil && limit > 0 && limit < 1<<50
	}
	return 0, false
}
