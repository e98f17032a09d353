package e2e

import (
	"bufio"
	"encoding/json"
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

// startTime bounds how long a process may take until it serves.
const startTime = 20 * time.Second

// process is a gateway process of a test.
type process struct {
	t       testing.TB
	config  string // path of its config.yaml
	command *exec.Cmd
	env     []string // more variables of its environment
	listen  string   // host:port of the public listener
	admin   string   // host:port of the admin listener
	done    chan error

	reading sync.Mutex // held by a test in which the reader of the log stands still

	mu    sync.Mutex // guards lines, and listen and admin during a restart
	lines []string   // its log, over all restarts
}

// startProcess runs `stagedoor serve` and waits until it serves. The process ends with the test.
func startProcess(t testing.TB, config string, env ...string) *process {
	t.Helper()
	p := &process{t: t, config: config, env: env}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.command = exec.Command(binary, "serve", "-config", p.config)
	p.command.Env = append(append(os.Environ(), "GORACE=halt_on_error=1"), p.env...)
	output, err := p.command.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	serving := make(chan logLine, 1)
	p.done = make(chan error, 1)
	go func() {
		p.read(output, serving)
		p.done <- p.command.Wait()
	}()
	select {
	case line := <-serving:
		p.mu.Lock()
		p.listen, p.admin = line.Listen, line.Admin
		p.mu.Unlock()
	case err := <-p.done:
		p.t.Fatalf("the gateway ended instead of serving: %v\n%s", err, p.log())
	case <-time.After(startTime):
		p.t.Fatalf("the gateway does not serve\n%s", p.log())
	}
}

// public returns the host:port of the public listener, also while the process is being restarted.
func (p *process) public() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listen
}

// logLine holds the fields of a log line that tests look at.
type logLine struct {
	Level, Msg, Listen, Admin, Event, Result, User, Session, Method, Route, Path, Reason, Error string
	Status                                                                                      int
	RequestID                                                                                   string `json:"request_id"`
}

func (p *process) read(output io.Reader, serving chan<- logLine) {
	scanner := bufio.NewScanner(output)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.reading.Lock()
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		p.mu.Unlock()
		p.reading.Unlock()
		var line logLine
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Msg == "serving" {
			select {
			case serving <- line:
			default:
			}
		}
	}
}

// log returns everything that the process has written.
func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// logged returns the log lines that match.
func (p *process) logged(match func(logLine) bool) []logLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []logLine
	for _, text := range p.lines {
		var line logLine
		if json.Unmarshal([]byte(text), &line) == nil && match(line) {
			found = append(found, line)
		}
	}
	return found
}

// ask asks the admin listener.
func (p *process) ask(path string) (status int, body string) {
	p.t.Helper()
	response, err := http.Get("http://" + p.admin + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// signal sends a signal to the process.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait returns how the process ended.
func (p *process) wait() error {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case <-time.After(startTime):
		p.t.Fatalf("the gateway does not end\n%s", p.log())
		return nil
	}
}

// restart ends the process in an orderly way and starts another with the same configuration.
func (p *process) restart() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if err := p.wait(); err != nil {
		p.t.Errorf("the gateway ended with %v after SIGTERM, want exit code 0\n%s", err, p.log())
	}
	p.start()
}

func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended
	if strings.Contains(p.log(), "WARNING: DATA RACE") {
		p.t.Errorf("the race detector spoke:\n%s", p.log())
	}
}
