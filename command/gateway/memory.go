package gateway

import (
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// gcPercent is how much the heap may grow between two collections, in percent of what is alive. A request leaves much behind
// and little stays alive, so Go's own 100 collects more often. docs/benchmarks.md has what 100, 200 and 400 cost.
const gcPercent = 200

// SetMemory sets the garbage collector up for a server: gcPercent, and nine tenths of the container's memory. GOGC and GOMEMLIMIT in
// the environment win.
func SetMemory(lookup func(name string) (value string, set bool)) {
	isSet := func(name string) bool {
		value, _ := lookup(name)
		return value != ""
	}
	if !isSet("GOGC") {
		debug.SetGCPercent(gcPercent)
	}
	own, _ := os.ReadFile("/proc/self/cgroup") // which not every system has
	if limit := containerMemory(os.DirFS("/sys/fs/cgroup"), string(own)); limit > 0 && !isSet("GOMEMLIMIT") {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// containerMemory returns the lowest limit, in bytes, of the memory of a process with this /proc/self/cgroup, by a tree of control
// groups (cgroups(7)); zero without a limit. A container sees its own group at the root of the tree, whatever the path says.
func containerMemory(tree fs.FS, own string) (lowest int64) {
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, file := ".", "memory.max" // version 2, whose line begins with 0::
		if slices.Contains(strings.Split(parts[1], ","), "memory") {
			root, file = "memory", "memory.limit_in_bytes" // version 1
		} else if parts[1] != "" {
			continue
		}
		for group := path.Join(root, parts[2]); ; group = path.Dir(group) {
			if limit := readLimit(tree, path.Join(group, file)); limit > 0 && (lowest == 0 || limit < lowest) {
				lowest = limit
			}
			if group == root || group == "." {
				break
			}
		}
	}
	return lowest
}

// noMemoryLimit is above all real limits: version 1 writes a huge number for none.
const noMemoryLimit = 1 << 60

// readLimit returns the limit that a file holds; zero for none, which version 2 writes as max.
func readLimit(tree fs.FS, name string) int64 {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || limit >= noMemoryLimit {
		return 0
	}
	return limit
}
