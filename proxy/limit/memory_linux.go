package limit

import "syscall"

// machineMemory returns how many bytes of memory the machine has; 0 when that is unknown.
func machineMemory() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit) //nolint:gosec // G115: no machine has as much
}
