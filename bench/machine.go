package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// machine describes where the figures come from, as a list.
func machine(ctx context.Context, root string, o options) string {
	lines := []string{
		"- " + fmt.Sprintf("%d processors, %s; %s of memory", runtime.NumCPU(), fieldOf("/proc/cpuinfo", "model name"),
			fieldOf("/proc/meminfo", "MemTotal")),
		"- Linux " + wordsOf("/proc/sys/kernel/osrelease"),
		"- " + runtime.Version() + " " + runtime.GOARCH + "; Stagedoor at " + firstLine(ctx, "git", "-C", root, "describe", "--always", "--dirty"),
	}
	for _, version := range [][]string{
		{"wrk", "-v"}, {"h2load", "--version"}, {"redis-server", "--version"}, {"nginx", "-v"}, {"haproxy", "-v"}, {"caddy", "version"},
		{o.oauth2Proxy, "--version"},
	} {
		if version[0] == "" {
			continue
		}
		line := firstLine(ctx, version[0], version[1:]...)
		name := filepath.Base(version[0])
		if line != "" && !strings.Contains(strings.ToLower(line), strings.TrimSuffix(name, "-server")) {
			line = name + " " + line
		}
		if line != "" {
			lines = append(lines, "- "+line)
		}
	}
	lines = append(lines, fmt.Sprintf("- %d rounds of %v each with %d connections", o.rounds, o.length, o.connections))
	return strings.Join(lines, "\n") + "\n"
}

// fieldOf returns what stands behind "name:" in a file of /proc.
func fieldOf(path, name string) string {
	for line := range strings.Lines(wordsOf(path)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown " + name
}

func wordsOf(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// firstLine returns the first line that a program says, whatever its exit code; empty when it is not there.
func firstLine(ctx context.Context, program string, args ...string) string {
	output, _ := exec.CommandContext(ctx, program, args...).CombinedOutput() // wrk -v fails
	line, _, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
	return line
}
