package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"stagedoor/simulator"
)

// bench is what the sections share.
type bench struct {
	options options
	out     io.Writer
	folder  string // everything temporary
	root    string // the repository
	binary  string // Stagedoor
	script  string // driveScript
	secure  string // the address of gateways that speak TLS, one at a time
	report  report

	spotify  *simulator.Server // where sessions come from, during a section
	accounts string            // its origin
	started  int               // processes, for the names of their files
	cleanup  []func()          // undoes what the section has started
}

func newBench(ctx context.Context, o options, out io.Writer) (*bench, error) {
	for program, install := range map[string]string{"wrk": "wrk", "redis-server": "redis-server"} {
		if program == "wrk" && len(o.only) > 0 && !slices.ContainsFunc(o.only, needsWrk) {
			continue
		}
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is not there: install it first, on Debian with apt-get install %s", program, install)
		}
	}
	module, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	root := filepath.Dir(strings.TrimSpace(string(module)))
	if err != nil || root == "." {
		return nil, errors.New("this is not the folder of the repository: run the command there, Stagedoor is built from it")
	}
	folder, err := os.MkdirTemp("", "stagedoor-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, out: out, folder: folder, root: root, binary: filepath.Join(folder, "stagedoor")}
	b.script = filepath.Join(folder, "drive.lua")
	b.secure, err = freeAddress()
	err = errors.Join(err, os.WriteFile(b.script, []byte(driveScript), 0o600), b.build(ctx))
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// needsWrk tells whether a section does not drive for itself.
func needsWrk(section string) bool { return section != "quota" && !strings.HasPrefix(section, "live") }

// build builds Stagedoor as the Dockerfile does.
func (b *bench) build(ctx context.Context) error {
	b.say("building Stagedoor")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary, ".")
	build.Dir, build.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("Stagedoor does not build: %w\n%s", err, output)
	}
	return nil
}

// close removes what lies around.
func (b *bench) close() { _ = os.RemoveAll(b.folder) }

// runSection runs a section with a simulator of its own and stops everything that it started, the last first.
func (b *bench) runSection(ctx context.Context, s section) error {
	defer func() {
		for _, undo := range slices.Backward(b.cleanup) {
			undo()
		}
		b.cleanup = nil
	}()
	b.report.begin(s.title)
	if err := b.startSimulator(time.Hour); err != nil {
		return err
	}
	if err := s.run(ctx, b); err != nil {
		return err
	}
	b.report.last().render(b.out)
	return nil
}

// after has f called when the section is over.
func (b *bench) after(f func()) { b.cleanup = append(b.cleanup, f) }

// say prints progress.
func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(b.out, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, values...)...)
}

// freeAddress returns an address of 127.0.0.1 where no server listens now, and that it has not returned before.
func freeAddress() (string, error) {
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		address := listener.Addr().String()
		if err := listener.Close(); err != nil {
			return "", err
		}
		if _, known := addresses.LoadOrStore(address, true); !known {
			return address, nil
		}
	}
}

// addresses are those that freeAddress has returned.
var addresses sync.Map
