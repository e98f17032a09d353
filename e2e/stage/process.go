package stage

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// StartTime bounds how long a process may take until it serves.
const StartTime = 20 * time.Second

// Process is a gateway process of a test.
type Process struct {
	T       testing.TB
	Config  string // path of its config.yaml
	Command *exec.Cmd
	env     []string // more variables of its environment
	program string   // what runs
	Files   int      // ulimit -n; 0 leaves it as it is
	Listen  string   // host:port of the public listener
	Admin   string   // host:port of the admin listener
	done    chan error

	Reading sync.Mutex // held by a test in which the reader of the log stands still

	mu     sync.Mutex // guards what follows, and Listen and Admin during a restart
	lines  []string   // its log, over all restarts
	logged []LogLine  // the lines that are JSON
}

// StartProcess runs `stagedoor serve` and waits until it serves. The process ends with the test.
func StartProcess(t testing.TB, config string, env ...string) *Process {
	t.Helper()
	return StartLimited(t, config, 0, env...)
}

// StartLimited is StartProcess with a limit of open files; 0 is no limit.
func StartLimited(t testing.TB, config string, files int, env ...string) *Process {
	t.Helper()
	return start(&Process{T: t, Config: config, Files: files, env: env, program: Binary})
}

// StartProgram is StartProcess of another build.
func StartProgram(t testing.TB, program, config string) *Process {
	t.Helper()
	return start(&Process{T: t, Config: config, program: program})
}

func start(p *Process) *Process {
	p.T.Helper()
	p.Start()
	p.T.Cleanup(p.Kill)
	return p
}

// Start starts the process again, on the port that it had.
func (p *Process) Start() {
	p.T.Helper()
	p.Command = exec.Command(p.program, "serve", "-config", p.Config)
	if p.Files > 0 { // a limit that is set before Go raises it
		p.Command = exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, p.Files), p.program, "serve", "-config", p.Config)
	}
	p.Command.Env = append(append(os.Environ(), "GORACE=halt_on_error=1"), p.env...)
	output, err := p.Command.StderrPipe()
	if err != nil {
		p.T.Fatal(err)
	}
	if err := p.Command.Start(); err != nil {
		p.T.Fatal(err)
	}
	serving := make(chan LogLine, 1)
	p.done = make(chan error, 1)
	go func() {
		p.read(output, serving)
		p.done <- p.Command.Wait()
	}()
	select {
	case line := <-serving:
		p.mu.Lock()
		p.Listen, p.Admin = line.Listen, line.Admin
		p.mu.Unlock()
	case err := <-p.done:
		p.T.Fatalf("the gateway ended instead of serving: %v\n%s", err, p.Log())
	case <-time.After(StartTime):
		p.T.Fatalf("the gateway does not serve\n%s", p.Log())
	}
}

// Public returns the host:port of the public listener, also while the process is being restarted.
func (p *Process) Public() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Listen
}

// LogLine holds the fields of a log line that tests look at.
type LogLine struct {
	Level, Msg, Listen, Admin, Event, Result, User, Session, Method, Route, Path, Reason, Error string
	Status                                                                                      int
	RequestID                                                                                   string `json:"request_id"`
	TraceID                                                                                     string `json:"trace_id"`
}

func (p *Process) read(output io.Reader, serving chan<- LogLine) {
	scanner := bufio.NewScanner(output)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.Reading.Lock()
		var line LogLine
		err := json.Unmarshal(scanner.Bytes(), &line)
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		if err == nil {
			p.logged = append(p.logged, line)
		}
		p.mu.Unlock()
		p.Reading.Unlock()
		if line.Msg == "serving" {
			select {
			case serving <- line:
			default:
			}
		}
	}
}

// Log returns everything that the process has written.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// Logged returns the log lines that match.
func (p *Process) Logged(match func(LogLine) bool) []LogLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []LogLine
	for _, line := range p.logged {
		if match(line) {
			found = append(found, line)
		}
	}
	return found
}

// Ask asks the admin listener.
func (p *Process) Ask(path string) (status int, body string) {
	p.T.Helper()
	response, err := http.Get("http://" + p.Admin + path)
	if err != nil {
		p.T.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.T.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// Signal sends a signal to the process.
func (p *Process) Signal(s syscall.Signal) {
	p.T.Helper()
	if err := p.Command.Process.Signal(s); err != nil {
		p.T.Fatal(err)
	}
}

// Wait returns how the process ended.
func (p *Process) Wait() error {
	p.T.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case <-time.After(StartTime):
		p.T.Fatalf("the gateway does not end\n%s", p.Log())
		return nil
	}
}

// Restart ends the process in an orderly way and starts another with the same configuration.
func (p *Process) Restart() {
	p.T.Helper()
	p.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		p.T.Errorf("the gateway ended with %v after SIGTERM, want exit code 0\n%s", err, p.Log())
	}
	p.Start()
}

// Become is Restart as another build of the program.
func (p *Process) Become(program string) {
	p.T.Helper()
	p.program = program
	p.Restart()
}

// Kill ends the process at once, as kill -9 does, and reports a data race that it found.
func (p *Process) Kill() {
	_ = p.Command.Process.Kill() // it may have ended
	if strings.Contains(p.Log(), "WARNING: DATA RACE") {
		p.T.Errorf("the race detector spoke:\n%s", p.Log())
	}
}

// Ready tells whether the process says that it is: it has asked Redis.
func (p *Process) Ready() bool {
	response, err := http.Get("http://" + p.Admin + "/readyz")
	if err != nil {
		return false
	}
	_ = response.Body.Close() // only its head matters
	return response.StatusCode == http.StatusOK
}
