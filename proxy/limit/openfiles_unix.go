//go:build unix

package limit

import (
	"math"
	"syscall"
)

// openFiles returns how many files the process may have open, connections among them; 0 when the number is unknown. Go has
// raised the limit to the highest that is allowed.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, math.MaxInt32))
}
