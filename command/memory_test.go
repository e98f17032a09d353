package command

import (
	"errors"
	"runtime"
	"testing"
)

func TestContainerMemory(t *testing.T) {
	v2, v1 := cgroupLimits[0], cgroupLimits[1]
	for name, c := range map[string]struct {
		files map[string]string
		want  int64 // zero: none is found
	}{
		"no container":        {nil, 0},
		"cgroup v2":           {map[string]string{v2: "268435456\n"}, 256 << 20},
		"cgroup v2, no limit": {map[string]string{v2: "max\n"}, 0},
		"cgroup v1":           {map[string]string{v1: "134217728\n"}, 128 << 20},
		"cgroup v1, no limit": {map[string]string{v1: "9223372036854771712\n"}, 0},
		"nonsense":            {map[string]string{v2: "a lot\n"}, 0},
	} {
		got, found := containerMemory(func(path string) ([]byte, error) {
			text, known := c.files[path]
			if !known {
				return nil, errors.New("no such file")
			}
			return []byte(text), nil
		})
		if found != (c.want > 0) || found && got != c.want {
			t.Errorf("%s: got %d, %t, want %d", name, got, found, c.want)
		}
	}
}

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		liveMiB uint64
		want    int
	}{{0, 400}, {2, 400}, {4, 250}, {5, 200}, {10, 100}, {16, 75}, {500, 75}} {
		if got := gcPercent(c.liveMiB << 20); got != c.want {
			t.Errorf("with %d MiB alive: %d%%, want %d%%", c.liveMiB, got, c.want)
		}
	}
	runtime.GC()
	if liveHeap() == 0 {
		t.Error("Go does not tell what is alive")
	}
}

// Each collection is told of, not only the first.
func TestCollectionsAreTold(t *testing.T) {
	collected := make(chan struct{}, 1)
	tellNextCollection(t.Context(), collected)
	for range 3 {
		runtime.GC()
		<-collected
	}
}
