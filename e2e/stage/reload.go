package stage

import (
	"os"
	"strings"
	"syscall"

	"stagedoor/session/sessiontest"
)

// What a process says last about a new configuration.
const (
	Reloaded    = "configuration reloaded"
	NotReloaded = "the configuration was not reloaded"
)

// Edit changes a text in the process's configuration file, which must be there once.
func (p *Process) Edit(old, text string) {
	p.T.Helper()
	was, err := os.ReadFile(p.Config)
	if err != nil {
		p.T.Fatal(err)
	}
	if strings.Count(string(was), old) != 1 {
		p.T.Fatalf("%q is not there once in %s", old, was)
	}
	WriteFile(p.T, p.Config, strings.Replace(string(was), old, text, 1))
}

// Reload has the process read its configuration file again and returns what it says about it.
func (p *Process) Reload() string {
	p.T.Helper()
	before := len(p.Log())
	p.Signal(syscall.SIGHUP)
	return p.AwaitReload(before)
}

// AwaitReload returns what the process logs from a place on until it has taken a configuration into use, or refused one.
func (p *Process) AwaitReload(from int) string {
	p.T.Helper()
	var said string
	sessiontest.Eventually(p.T, StartTime, "the process speaks of a new configuration", func() bool {
		said = p.Log()[from:]
		return strings.Contains(said, Reloaded) || strings.Contains(said, NotReloaded)
	})
	return said
}
