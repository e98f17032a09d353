package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestHangupAtStart sends SIGHUP while the gateway reads its configuration for the first time, which a pipe makes wait.
func TestHangupAtStart(t *testing.T) {
	w := stage.NewWorld(t, stage.Options{})
	text, err := os.ReadFile(w.Replicas[0].Config)
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(filepath.Dir(w.Replicas[0].Config), "pipe.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := startCommand(t, func(process *os.Process) {
		writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits until the gateway has opened it, too
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		sessiontest.Eventually(t, stage.StartTime, "the process has got the signal", func() bool {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Pid))
			return err == nil && (regexp.MustCompile(`ShdPnd:\t0+\n`).Match(status) || strings.Contains(string(status), "State:\tZ"))
		})
		if _, err := writer.Write(text); err != nil {
			t.Fatal(err)
		}
		_ = writer.Close() // what was written is with the reader
	}, "serve", "-config", pipe)
	if !lines.has(`"msg":"serving"`) {
		t.Errorf("the gateway does not serve:\n%s", strings.Join(lines.seen, "\n"))
	}
}

// TestHangupWithoutConfiguration sends SIGHUP to the servers that have no file to read again.
func TestHangupWithoutConfiguration(t *testing.T) {
	for command, says := range map[string]string{"demo": "http://", "simulator": "http://"} {
		address := sessiontest.FreeAddress(t)
		var of *os.Process
		lines := startCommand(t, func(process *os.Process) { of = process }, command, "-listen", address)
		if !lines.has(says) {
			t.Fatalf("%s does not serve:\n%s", command, strings.Join(lines.seen, "\n"))
		}
		for range 10 {
			if err := of.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		sessiontest.Eventually(t, stage.StartTime, command+" still answers", func() bool {
			response, err := http.Get("http://" + address + "/")
			if err != nil {
				return false
			}
			_ = response.Body.Close() // an answer is enough
			return true
		})
	}
}

// output is what a command says.
type output struct {
	scanner *bufio.Scanner
	seen    []string
}

// has reads until a line holds a text. It is false when the command ends before.
func (o *output) has(text string) bool {
	for o.scanner.Scan() {
		o.seen = append(o.seen, o.scanner.Text())
		if strings.Contains(o.scanner.Text(), text) {
			return true
		}
	}
	return false
}

// startCommand runs Stagedoor until the test ends.
func startCommand(t *testing.T, started func(*os.Process), args ...string) *output {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(stage.Binary, args...)
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close() // the command has its own
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()
		_ = reader.Close()
	})
	started(command.Process)
	return &output{scanner: bufio.NewScanner(reader)}
}
