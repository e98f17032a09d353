// Package command has the program's commands and wires the other packages together.
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

// production tells whether the operator has declared this a production environment.
func (e environment) production() bool {
	value, _ := e.lookup("STAGEDOOR_ENV")
	return value == "production"
}

// command is one of the program's commands.
type command struct {
	name, arguments, summary string
	serves                   bool // until it is told to end; SIGHUP does not end it
	run                      func(ctx context.Context, e environment, args []string) error
}

func commands() []command {
	return []command{
		{"serve", "[-config FILE]", "run the gateway (this is also what no command at all does)", true, serve},
		{"demo", "[-listen ADDRESS] [-frontend ORIGIN]", "run everything in one process: no account, no Redis", true, demo},
		{"simulator", "[-listen ADDRESS]", "run the Spotify simulator alone", true, simulate},
		{"check", "[-config FILE] [-online]", "every problem of the configuration, or its routes; -online asks Redis and Spotify too", false, check},
		{"schema", "", "print the JSON Schema of config.yaml, for editors", false, schema},
		{"sessions", "list|revoke", "who is logged in; end sessions (-user ID, -handle H, -all)", false, sessions},
		{"accounts", "connect|list|remove [NAME]", "shared accounts: connect by a one-time link, list, remove", false, accounts},
		{"key", "", "make a session key", false, key},
		{"healthcheck", "[-config FILE]", "exit 0 if the local gateway is ready", false, healthcheck},
		{"version", "", "say which version this is", false, printVersion},
	}
}

// run finds the command and runs it.
func run(ctx context.Context, args []string, e environment) error {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if name == "help" || len(args) == 1 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		return usage(e.stdout)
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		if c.serves {
			forServer()
		} else {
			ended, stop := untilHangup(ctx, e.hangups)
			defer stop()
			ctx = ended
		}
		err := c.run(ctx, e, args)
		if errors.Is(err, flag.ErrHelp) {
			return usage(e.stdout)
		}
		return err
	}
	return &usageError{fmt.Errorf("there is no command %q; `stagedoor help` lists the commands", name)}
}

func usage(w io.Writer) error {
	text := "Stagedoor stands between a web frontend and Spotify.\n\n"
	for _, c := range commands() {
		text += fmt.Sprintf("  stagedoor %-38s %s\n", strings.TrimSpace(c.name+" "+c.arguments), c.summary)
	}
	_, err := io.WriteString(w, text)
	return err
}

// usageError is a mistake of the caller's, as opposed to a failure.
type usageError struct{ cause error }

func (e *usageError) Error() string { return e.cause.Error() }
func (e *usageError) Unwrap() error { return e.cause }

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
		return "", err
	}
	if err != nil {
		return "", &usageError{fmt.Errorf("stagedoor %s: %w; `stagedoor help` shows how it is used", flags.Name(), err)}
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
