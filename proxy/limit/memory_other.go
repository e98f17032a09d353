//go:build !linux

package limit

// machineMemory returns 0: how much memory the machine has is unknown.
func machineMemory() int64 { return 0 }
