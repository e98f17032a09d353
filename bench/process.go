package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// startTime bounds how long a process may take until it listens.
	startTime = 20 * time.Second
	// stopTime is how long a process may take to end by itself.
	stopTime = 5 * time.Second
	// logTail is how much of a log an error shows, in bytes.
	logTail = 2000
)

// process is a program that this one has started.
type process struct {
	name    string
	pid     int
	log     string // path of what it writes, an access log among it
	stop    func() // ends it and waits; can be called again
	done    chan struct{}
	started time.Time
}

// start starts a program, which is stopped with the section or with ctx. Variables are added to the environment.
func (b *bench) start(ctx context.Context, name string, variables []string, program string, args ...string) (*process, error) {
	b.started++
	path := filepath.Join(b.folder, fmt.Sprintf("%d.log", b.started))
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) // appends, so that it can be truncated
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, program, args...)
	command.Env = append(os.Environ(), variables...)
	command.Stdout, command.Stderr = log, log
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopTime
	p := &process{name: name, log: path, done: make(chan struct{}), started: time.Now()}
	if err := command.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	p.pid = command.Process.Pid
	go func() {
		_ = command.Wait() // it is stopped by a signal, or the log tells why it ended
		close(p.done)
	}()
	p.stop = func() {
		cancel()
		<-p.done
	}
	b.after(p.stop)
	return p, nil
}

// listening waits until the process takes connections.
func (p *process) listening(ctx context.Context, address string) error {
	var dialer net.Dialer
	return p.until(ctx, 5*time.Millisecond, "listen on "+address, func(ctx context.Context) bool {
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		_ = connection.Close() // it was only a look
		return true
	})
}

// until asks again and again whether the process does what it should.
func (p *process) until(ctx context.Context, interval time.Duration, what string, does func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for !does(ctx) {
		select {
		case <-ticks.C:
		case <-p.done:
			return fmt.Errorf("%s ended instead of beginning to %s; it wrote:\n%s", p.name, what, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not %s: %w; it wrote:\n%s", p.name, what, ctx.Err(), p.tail())
		}
	}
	return nil
}

// tail returns the end of the log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-logTail):])
}

// emptyLog throws the access log away before the disk is full.
func (p *process) emptyLog() error { return os.Truncate(p.log, 0) }
