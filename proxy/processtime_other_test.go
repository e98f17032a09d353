//go:build !unix

package proxy

import "time"

// processTime is the CPU time of this process; zero where it cannot be told.
func processTime() time.Duration { return 0 }
