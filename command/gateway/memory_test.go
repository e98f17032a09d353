package gateway

import (
	"testing"
	"testing/fstest"
)

func TestContainerMemory(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text + "\n")} }
	for name, c := range map[string]struct {
		own  string
		tree fstest.MapFS
		want int64
	}{
		"version 2, in a container": {"0::/\n", fstest.MapFS{"memory.max": file("134217728")}, 128 << 20},
		"version 2, no limit":       {"0::/\n", fstest.MapFS{"memory.max": file("max")}, 0},
		"version 2, a service": {"0::/system.slice/stagedoor.service\n", fstest.MapFS{
			"system.slice/memory.max": file("1073741824"), "system.slice/stagedoor.service/memory.max": file("max"),
		}, 1 << 30},
		"version 1": {"5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n", fstest.MapFS{
			"memory/memory.limit_in_bytes": file("9223372036854771712"), "memory/a/b/memory.limit_in_bytes": file("134217728"),
		}, 128 << 20},
		"version 1, with the path of the host": {"4:memory:/docker/0123\n", fstest.MapFS{
			"memory/memory.limit_in_bytes": file("134217728"),
		}, 128 << 20},
		"version 1, no limit": {"4:memory:/\n", fstest.MapFS{"memory/memory.limit_in_bytes": file("9223372036854771712")}, 0},
		"no control groups":   {"", fstest.MapFS{}, 0},
		"nonsense":            {"x\n0::../../etc\n:\n", fstest.MapFS{}, 0},
	} {
		if got := containerMemory(c.tree, c.own); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}
