// Package command has the program's commands: what they are called with, what they print and how they end.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"stagedoor/command/gateway"
	"stagedoor/config"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it failed while running
	exitUsage  = 2 // wrong usage or configuration
)

// Main runs the program: its arguments name a command. It returns the process's exit code.
func Main(b Build) int {
	ctx, hangups := catchSignals()
	e := environment{build: b.complete(), lookup: os.LookupEnv, stdout: os.Stdout, stderr: os.Stderr, hangups: hangups}
	return exitCode(run(ctx, os.Args[1:], e), os.Stderr)
}

// environment is what a command may use of its process.
type environment struct {
	build          Build
	lookup         func(name string) (value string, set bool)
	stdout, stderr io.Writer
	hangups        <-chan os.Signal // SIGHUP, from the first moment on
}

// process is what a gateway may know of the process.
func (e environment) process() gateway.Process {
	return gateway.Process{Version: e.build.Version, Commit: e.build.Commit, Lookup: e.lookup, Hangups: e.hangups}
}

// production tells whether the operator has declared this a production environment.
func (e environment) production() bool {
	value, _ := e.lookup("STAGEDOOR_ENV")
	return value == "production"
}

// run finds the command and runs it.
func run(ctx context.Context, args []string, e environment) error {
	switch {
	case len(args) == 1 && isHelp(args[0]):
		return usage(e.stdout)
	case len(args) > 0 && args[0] == "help":
		return help(e, args[1:])
	case len(args) == 1 && (args[0] == "-version" || args[0] == "--version"):
		args = []string{"version"}
	case len(args) == 0 || strings.HasPrefix(args[0], "-"):
		args = append([]string{"serve"}, args...)
	}
	c, rest, known := find(args)
	if !known {
		return unknown(e, args)
	}
	if c.serves {
		forServer()
	} else {
		ended, stop := untilHangup(ctx, e.hangups)
		defer stop()
		ctx = ended
	}
	err := c.run(ctx, e, rest)
	if helpAsked := new(helpError); errors.As(err, &helpAsked) {
		return c.help(e.stdout, e)
	}
	return err
}

func isHelp(argument string) bool {
	return argument == "-h" || argument == "-help" || argument == "--help"
}

// help is what `stagedoor help` and a command's name do.
func help(e environment, args []string) error {
	if len(args) == 0 {
		return usage(e.stdout)
	}
	if c, rest, known := find(args); known && len(rest) == 0 {
		return c.help(e.stdout, e)
	}
	return unknown(e, append(args[:1:1], "-h"))
}

// unknown is for a command line without a command: the word may be one that needs another.
func unknown(e environment, args []string) error {
	verbs := verbsOf(args[0])
	switch {
	case len(verbs) == 0:
		return &usageError{fmt.Errorf("there is no command %q; `stagedoor help` lists the commands", args[0])}
	case len(args) > 1 && isHelp(args[1]):
		return usageOf(e.stdout, verbs)
	}
	return usagef("%s takes %s; `stagedoor %s -h` says what they do", args[0], verbNames(args[0], " or "), args[0])
}

// usageError is a mistake of the caller's, as opposed to a failure.
type usageError struct{ cause error }

func (e *usageError) Error() string { return e.cause.Error() }
func (e *usageError) Unwrap() error { return e.cause }

// configFlag adds the flag of every command that reads the configuration.
func configFlag(flags *flag.FlagSet) *string {
	return flags.String("config", "", "the configuration `FILE`; without it $STAGEDOOR_CONFIG, ./config.yaml or /etc/stagedoor/config.yaml")
}

// parse reads the flags of a command that takes no other arguments.
func parse(flags *flag.FlagSet, args []string) error {
	name, err := parseNamed(flags, args)
	if err == nil && name != "" {
		return &usageError{fmt.Errorf("stagedoor %s: %q is one argument too many", flags.Name(), name)}
	}
	return err
}

// parseNamed reads the flags of a command that takes one name besides, before or behind them.
func parseNamed(flags *flag.FlagSet, args []string) (name string, err error) {
	flags.SetOutput(io.Discard) // the error says it all
	err = flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		name = flags.Arg(0)
		err = flags.Parse(flags.Args()[1:])
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is one argument too many", flags.Arg(0))
	}
	if errors.Is(err, flag.ErrHelp) {
		return "", &helpError{flags}
	}
	if err != nil {
		return "", &usageError{fmt.Errorf("stagedoor %s: %w; `stagedoor %[1]s -h` shows how it is used", flags.Name(), err)}
	}
	return name, nil
}

// errorTimeout is how long the last message waits for a reader that does not read.
const errorTimeout = 5 * time.Second

// exitCode prints what went wrong, one line a problem, and turns it into the process's exit code.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		_, _ = fmt.Fprintln(stderr, err) // there is nowhere else to say it
	}()
	select {
	case <-said:
	case <-time.After(errorTimeout):
	}
	var wrongUsage *usageError
	var problems config.Problems
	if errors.As(err, &wrongUsage) || errors.As(err, &problems) {
		return exitUsage
	}
	return exitFailed
}

// catchSignals keeps signals from ending the process on the spot, and must be called before anything else is done: a service
// manager may send SIGHUP as soon as it has started the process. The context ends with SIGINT or SIGTERM; a second one
// ends the process at once.
func catchSignals() (ctx context.Context, hangups <-chan os.Signal) {
	received := make(chan os.Signal, 1) // two while a configuration is read are one
	signal.Notify(received, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, received
}

// forServer is what a command that serves makes of its signals: it outlives the reader of its log. SIGHUP stays caught.
func forServer() { signal.Ignore(syscall.SIGPIPE) }

// untilHangup is what every other command makes of them: it ends when its terminal is closed.
func untilHangup(ctx context.Context, hangups <-chan os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-ctx.Done():
		case <-hangups:
			signal.Reset(syscall.SIGHUP)
			cancel()
		}
	}()
	return ctx, cancel
}
