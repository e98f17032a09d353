//go:build unix

package proxy

import (
	"syscall"
	"time"
)

// processTime is the CPU time of this process; zero where it cannot be told.
func processTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
