package command

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"
)

// command is one of the program's commands. Its help, the completions of shells and the manual page are made of this and of the
// flags that it defines.
type command struct {
	name    string // a word, or two: "sessions list"
	operand string // what stands behind the name besides flags, such as NAME; empty for nothing
	summary string
	// examples are command lines without "stagedoor" in front.
	examples []string
	// exits says what the exit codes mean; empty means what they mean for all commands.
	exits  string
	serves bool // until it is told to end; SIGHUP does not end it
	run    func(ctx context.Context, e environment, args []string) error
}

const usualExits = "0 it is done; 1 it failed while running; 2 wrong usage or configuration"

func commands() []command {
	type runner = func(ctx context.Context, e environment, args []string) error
	verb := func(name string, run func(ctx context.Context, e environment, verb string, args []string) error) runner {
		return func(ctx context.Context, e environment, args []string) error { return run(ctx, e, name, args) }
	}
	return []command{
		{name: "serve", summary: "run the gateway (this is also what no command at all does)", serves: true, run: serve,
			examples: []string{"serve -config /etc/stagedoor/config.yaml"}, exits: "0 it was told to end and has ended; 1 it failed while running; 2 wrong usage or configuration"},
		{name: "demo", summary: "run everything in one process: no account, no Redis", serves: true, run: demo,
			examples: []string{"demo", "demo -frontend http://127.0.0.1:5173"}},
		{name: "simulator", summary: "run the Spotify simulator alone", serves: true, run: simulate,
			examples: []string{"simulator -listen 127.0.0.1:9000 -token-lifetime 1m"}},
		{name: "check", summary: "say every problem of the configuration, or its routes and where its values come from", run: check,
			examples: []string{"check", "check -config /etc/stagedoor/config.yaml -online"},
			exits:    "0 the configuration is good; 1 Redis or Spotify says otherwise (-online); 2 it has problems"},
		{name: "schema", summary: "print the JSON Schema of config.yaml, for editors", run: schema, examples: []string{"schema > config.schema.json"}},
		{name: "sessions list", summary: "say who is logged in", run: verb("list", sessions),
			examples: []string{"sessions list", "sessions list -user ada -json"}},
		{name: "sessions revoke", summary: "end sessions", run: verb("revoke", sessions),
			examples: []string{"sessions revoke -user ada", "sessions revoke -handle 0123456789abcdef", "sessions revoke -all"}},
		{name: "sessions explain", summary: "say until when sessions last, and why those of the last week ended", run: explain,
			examples: []string{"sessions explain -user ada", "sessions explain -handle 0123456789abcdef -json"}},
		{name: "accounts connect", operand: "NAME", summary: "make a one-time link that connects a shared account", run: verb("connect", accounts),
			examples: []string{`accounts connect radio -scope "user-read-currently-playing"`}},
		{name: "accounts list", summary: "list the shared accounts, and whose they are", run: verb("list", accounts), examples: []string{"accounts list"}},
		{name: "accounts remove", operand: "NAME", summary: "forget the grant of a shared account", run: verb("remove", accounts),
			examples: []string{"accounts remove radio"}},
		{name: "key", summary: "make a session key", run: key, examples: []string{"key"}},
		{name: "healthcheck", summary: "ask the gateway on this machine whether it is ready", run: healthcheck,
			examples: []string{"healthcheck -config /etc/stagedoor/config.yaml"}, exits: "0 the gateway is ready; 1 it is not; 2 wrong usage or configuration"},
		{name: "completion", operand: "bash|zsh|fish", summary: "print what makes a shell complete this program's command lines", run: completion,
			examples: []string{"completion bash > /etc/bash_completion.d/stagedoor", "completion zsh > ~/.zfunc/_stagedoor",
				"completion fish > ~/.config/fish/completions/stagedoor.fish"}},
		{name: "man", summary: "print the manual page", run: manual, examples: []string{"man > stagedoor.1"}},
		{name: "version", summary: "say which version this is", run: printVersion, examples: []string{"version"}},
	}
}

// helpError is what parse returns when a command line asks for help: the flags of its command.
type helpError struct{ flags *flag.FlagSet }

func (*helpError) Error() string { return "help is asked for" }

// flags returns the flags that the command defines. It defines them before it does anything else, so asking for its help does
// nothing else.
func (c command) flags(e environment) []*flag.Flag {
	var help *helpError
	if !errors.As(c.run(context.Background(), e, []string{"-h"}), &help) {
		panic("command: " + c.name + " does something else before it reads its flags")
	}
	var all []*flag.Flag
	help.flags.VisitAll(func(f *flag.Flag) { all = append(all, f) })
	return all
}

// find returns the command that a command line names, and its arguments. Of a command with verbs it takes two words.
func find(args []string) (found command, rest []string, known bool) {
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return c, args[len(words):], true
		}
	}
	return command{}, nil, false
}

// verbsOf are the commands whose name begins with a word and has another.
func verbsOf(word string) []command {
	return slices.DeleteFunc(commands(), func(c command) bool { return !strings.HasPrefix(c.name, word+" ") })
}

// takesValue tells whether a flag needs a value behind it.
func takesValue(f *flag.Flag) bool {
	is, ok := f.Value.(interface{ IsBoolFlag() bool })
	return !ok || !is.IsBoolFlag()
}
