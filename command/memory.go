package command

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"

	"go.uber.org/zap"
)

// What a request leaves behind is much and what stays alive is little, so that Go's own setting, to collect when the heap
// has doubled, would collect all the time. The heap may grow by gcHeadroom instead, but never by more than maxGCPercent
// nor, where much is alive, by less than minGCPercent: a little below Go's own 100, because most of what is alive then are
// sessions and connections that wait.
const (
	gcHeadroom   = 10 << 20 // bytes
	maxGCPercent = 400
	minGCPercent = 75
)

// memoryShare is the part of a container's memory, in percent, from which on the collector works harder.
const memoryShare = 90

// cgroupLimits are where Linux tells a container how much memory it has, cgroup v2 first.
var cgroupLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// tuneMemory sets the garbage collector up for a server, until ctx ends. GOGC and GOMEMLIMIT in the environment win.
// Without a profiler nobody could read the profile of the heap that Go keeps otherwise.
func tuneMemory(ctx context.Context, e environment, profiler bool, log *zap.Logger) {
	if !profiler {
		runtime.MemProfileRate = 0
	}
	if _, set := e.lookup("GOGC"); !set {
		go keepHeadroom(ctx)
	}
	if _, set := e.lookup("GOMEMLIMIT"); set {
		return
	}
	if limit, found := containerMemory(os.ReadFile); found {
		debug.SetMemoryLimit(limit / 100 * memoryShare)
		log.Debug("the garbage collector keeps to the container's memory", zap.Int64("bytes", limit))
	}
}

// keepHeadroom adjusts the collector to what is alive, after each collection.
func keepHeadroom(ctx context.Context) {
	collected := make(chan struct{}, 1)
	tellNextCollection(ctx, collected)
	for last := 0; ; {
		if percent := gcPercent(liveHeap()); percent < last*9/10 || percent > last*11/10 { // each change stops the world
			debug.SetGCPercent(percent)
			last = percent
		}
		select {
		case <-ctx.Done():
			return
		case <-collected:
		}
	}
}

// tellNextCollection sends after each collection until ctx ends: each finds an object that nobody holds.
func tellNextCollection(ctx context.Context, collected chan<- struct{}) {
	type unheld struct{ _ *unheld } // with a pointer in it, it shares its memory with no other object
	runtime.AddCleanup(&unheld{}, func(ctx context.Context) {
		if ctx.Err() != nil {
			return
		}
		select {
		case collected <- struct{}{}:
		default: // the last one has not been looked at yet
		}
		tellNextCollection(ctx, collected)
	}, ctx)
}

// gcPercent is how much the heap may grow, in percent of what is alive.
func gcPercent(live uint64) int {
	return int(min(max(gcHeadroom*100/max(live, 1), minGCPercent), maxGCPercent))
}

// liveHeap returns what the last collection found alive, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
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
