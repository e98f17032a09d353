package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on every Linux that Go runs on (proc(5), time(7)).
const tick = 10 * time.Millisecond

// procStat is what /proc/PID/stat tells.
type procStat struct {
	parent int
	cpu    time.Duration // user and system, all threads
}

// parseStat reads a line of /proc/PID/stat. The program's name, the second field, may hold anything, so what follows is
// counted from its closing bracket.
func parseStat(line string) (procStat, error) {
	end := strings.LastIndexByte(line, ')')
	fields := strings.Fields(line[end+1:]) // the third field of proc(5) is the first here
	if end < 0 || len(fields) < 13 {
		return procStat{}, fmt.Errorf("/proc has a line that is not understood: %.80q", line)
	}
	var numbers [3]int64
	for i, field := range [...]int{1, 11, 12} { // ppid, utime, stime
		n, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return procStat{}, fmt.Errorf("/proc has a line that is not understood: %w", err)
		}
		numbers[i] = n
	}
	return procStat{parent: int(numbers[0]), cpu: time.Duration(numbers[1]+numbers[2]) * tick}, nil
}

// cpuTime returns the CPU time that a process and its living children have used, such as nginx' workers.
func cpuTime(pid int) (time.Duration, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	stat, err := parseStat(string(line))
	if err != nil {
		return 0, err
	}
	total := stat.cpu
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		if child, err := parseStat(string(line)); err == nil && child.parent == pid {
			total += child.cpu
		}
	}
	return total, nil
}

// residentBytes returns what a process holds in memory now.
func residentBytes(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return parseResident(string(status))
}

// parseResident finds VmRSS in /proc/PID/status.
func parseResident(status string) (float64, error) {
	for line := range strings.Lines(status) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			return kib * 1024, nil
		}
	}
	return 0, fmt.Errorf("/proc has no VmRSS: %.80q", status)
}
