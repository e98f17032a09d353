package stage

import (
	"bufio"
	"io"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// Demo is a running `stagedoor demo`.
type Demo struct {
	// Home is the address to open, Operator that of the operator's page, and Gateway where the demo itself listens.
	Home, Operator, Gateway string

	output io.Reader
}

// StartDemo runs `stagedoor demo`, perhaps with more flags, until the test ends.
func StartDemo(t testing.TB, flags ...string) *Demo {
	t.Helper()
	address := sessiontest.FreeAddress(t)
	command := exec.Command(Binary, append([]string{"demo", "-listen", address}, flags...)...)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // Wait tells whether it had ended already
		if err := command.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	started := make(chan *Demo, 1)
	d := &Demo{Gateway: "http://" + address, output: output}
	go d.read(started)
	select {
	case <-started:
	case <-time.After(StartTime):
		t.Fatal("the demo does not print its addresses")
	}
	return d
}

// read takes the addresses from what the demo prints, and the rest so that it never waits.
func (d *Demo) read(started chan<- *Demo) {
	home, operator := regexp.MustCompile(`Open (\S+) in your browser`), regexp.MustCompile(`operator's page is (\S+)\. `)
	scanner := bufio.NewScanner(d.output)
	for scanner.Scan() && d.Operator == "" {
		if found := home.FindStringSubmatch(scanner.Text()); found != nil {
			d.Home = found[1]
		}
		if found := operator.FindStringSubmatch(scanner.Text()); found != nil {
			d.Operator = found[1]
			started <- d
		}
	}
	_, _ = io.Copy(io.Discard, d.output)
}
