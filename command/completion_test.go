package command

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stagedoor/session/sessiontest"
)

// said runs a command line in this process and returns what it prints.
func said(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	e := environment{lookup: func(string) (string, bool) { return "", false }, stdout: &stdout, stderr: &stderr}
	if err := run(t.Context(), args, e); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return stdout.String()
}

// Every command says what it does, with its own flags, and nothing of another's.
func TestHelpOfEachCommand(t *testing.T) {
	e := environment{lookup: func(string) (string, bool) { return "", false }}
	seen := map[string]bool{}
	for _, c := range commands() {
		words := strings.Fields(c.name)
		text := said(t, append(words, "-h")...)
		for _, other := range [][]string{append(slices.Clone(words), "--help"), append([]string{"help"}, words...)} {
			if again := said(t, other...); again != text {
				t.Errorf("%q prints\n%s\nand -h\n%s", other, again, text)
			}
		}
		if seen[text] {
			t.Errorf("%s has the help of another command", c.name)
		}
		seen[text] = true
		for _, want := range []string{"stagedoor " + c.name + ": " + c.summary + "\n", "\nExamples:\n  stagedoor " + words[0], "\nExit codes: 0 "} {
			if !strings.Contains(text, want) {
				t.Errorf("the help of %s lacks %q:\n%s", c.name, want, text)
			}
		}
		for _, f := range c.flags(e) {
			if !strings.Contains(text, "\n  -"+f.Name) || f.Usage == "" || takesValue(f) && !strings.Contains(f.Usage, "`") {
				t.Errorf("%s does not explain -%s, or does not name its value", c.name, f.Name)
			}
		}
		for _, example := range c.examples {
			args := strings.Fields(strings.NewReplacer(`"`, "").Replace(strings.Split(example, " >")[0]))
			found, rest, known := find(args)
			if !known || found.name != c.name {
				t.Errorf("the example %q is one of %q", example, found.name)
				continue
			}
			for _, argument := range rest {
				if name, isFlag := strings.CutPrefix(argument, "-"); isFlag &&
					!slices.ContainsFunc(c.flags(e), func(f *flag.Flag) bool { return f.Name == name }) {
					t.Errorf("the example %q has the flag -%s, which %s does not know", example, name, c.name)
				}
			}
		}
	}
	all := said(t, "-h")
	manual := said(t, "man")
	for _, c := range commands() {
		if !strings.Contains(all, "stagedoor "+c.name) || !strings.Contains(manual, "\n.SS "+roff(c.name)+"\n") {
			t.Errorf("the list of commands or the manual lacks %s", c.name)
		}
	}
	if lines := strings.Count(said(t, "sessions", "-h"), "\n"); lines != 3 {
		t.Errorf("sessions -h has %d lines, want its three verbs", lines)
	}
	if !strings.HasPrefix(said(t, "--version"), "stagedoor ") {
		t.Error("--version does not say the version")
	}
}

// completions are what is offered for the last word of a command line.
var completions = []struct{ line, has, hasNot string }{
	{"stagedoor ", "serve demo simulator check schema sessions accounts key healthcheck completion man version", "list -config"},
	{"stagedoor ch", "check", "serve"},
	{"stagedoor sessions ", "list revoke", "connect check"},
	{"stagedoor check -", "-config -online", "-json -user"},
	{"stagedoor sessions list -", "-user -json", "-all -handle"},
	{"stagedoor sessions revoke -", "-all -handle", "-json"},
	{"stagedoor completion ", "bash zsh fish", "serve"},
	{"stagedoor check -config conf", "config.yaml", "-online"},
}

// TestCompletions runs the scripts in the shells that are there.
func TestCompletions(t *testing.T) {
	for shell, script := range map[string]string{
		"bash": `source "$1"
COMP_WORDS=($2); case $2 in *' ') COMP_WORDS+=('');; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_stagedoor
printf '%s\n' "${COMPREPLY[@]}"`,
		// The functions of zsh's completion system, as far as the script calls them.
		"zsh": `compdef() { : }
_describe() { print -l ${(P)2%%:*} | grep -- "^$cur" }
compadd() { shift; print -l -- "$@" | grep -- "^$cur" }
_arguments() { local spec; for spec in "$@"; do case $spec in
  *:file:_files) if [[ $words[CURRENT-1] == ${spec%%\[*} ]]; then print -l $cur*(N); return; fi; print -l -- ${spec%%\[*};;
  1:*) print -l ${=${spec##*\(}%\)};;
  *) print -l -- ${spec%%\[*};; esac; done | grep -- "^$cur" }
source "$1"
words=(${=2}); [[ $2 == *' ' ]] && words+=(''); CURRENT=$#words; cur=$words[-1]
_stagedoor`,
		"fish": `source $argv[1]; complete -C "$argv[2]" | string split -f1 \t; true`,
	} {
		t.Run(shell, func(t *testing.T) {
			program, err := exec.LookPath(shell)
			sessiontest.Require(t, shell, "Install "+shell+", to try its completions.", err == nil)
			folder := t.TempDir()
			file := filepath.Join(folder, "completion")
			if err := os.WriteFile(file, []byte(said(t, "completion", shell)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, "config.yaml"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, c := range completions {
				offered := complete(t, folder, program, script, file, c.line)
				for _, want := range strings.Fields(c.has) {
					if !slices.Contains(offered, want) {
						t.Errorf("%q lacks %s: %q", c.line, want, offered)
					}
				}
				for _, word := range strings.Fields(c.hasNot) {
					if slices.Contains(offered, word) {
						t.Errorf("%q offers %s: %q", c.line, word, offered)
					}
				}
			}
		})
	}
}

// complete returns what a shell offers for a command line.
func complete(t *testing.T, folder, program, script, file, line string) []string {
	t.Helper()
	args := []string{"-c", script, "shell", file, line}
	switch filepath.Base(program) {
	case "fish":
		args = []string{"--no-config", "-c", script, file, line}
	case "zsh":
		args = append([]string{"-f"}, args...)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	command.Dir = folder
	output, err := command.CombinedOutput()
	if err != nil && len(output) > 0 {
		t.Fatalf("%s completes %q: %v\n%s", program, line, err, output)
	}
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}
