package command

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// usage prints all commands.
func usage(w io.Writer) error {
	text := "Stagedoor stands between a web frontend and Spotify.\n\n"
	for _, c := range commands() {
		text += fmt.Sprintf("  stagedoor %-24s %s\n", strings.TrimSpace(c.name+" "+c.operand), c.summary)
	}
	text += "\n`stagedoor COMMAND -h` shows a command's flags, and an example of it.\nExit codes: " + usualExits + ".\n"
	_, err := io.WriteString(w, text)
	return err
}

// usageOf prints some commands alone.
func usageOf(w io.Writer, some []command) error {
	var text string
	for _, c := range some {
		text += fmt.Sprintf("stagedoor %-24s %s\n", strings.TrimSpace(c.name+" "+c.operand), c.summary)
	}
	_, err := io.WriteString(w, text)
	return err
}

// help prints what a command does, its flags with their defaults, examples and exit codes.
func (c command) help(w io.Writer, e environment) error {
	var b strings.Builder
	flags := c.flags(e)
	fmt.Fprintf(&b, "stagedoor %s: %s\n\nUsage:\n  %s\n", c.name, c.summary, c.synopsis(flags))
	if len(flags) > 0 {
		b.WriteString("\nFlags:\n")
	}
	for _, f := range flags {
		value, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  %-24s %s%s\n", strings.TrimSpace("-"+f.Name+" "+value), text, defaultOf(f))
	}
	b.WriteString("\nExamples:\n")
	for _, example := range c.examples {
		fmt.Fprintf(&b, "  stagedoor %s\n", example)
	}
	fmt.Fprintf(&b, "\nExit codes: %s.\n", c.exitCodes())
	_, err := io.WriteString(w, b.String())
	return err
}

func (c command) exitCodes() string {
	if c.exits == "" {
		return usualExits
	}
	return c.exits
}

// synopsis is the command line with everything that it may have.
func (c command) synopsis(flags []*flag.Flag) string {
	words := []string{"stagedoor", c.name}
	if c.operand != "" {
		words = append(words, c.operand)
	}
	for _, f := range flags {
		value, _ := flag.UnquoteUsage(f)
		words = append(words, "["+strings.TrimSpace("-"+f.Name+" "+value)+"]")
	}
	return strings.Join(words, " ")
}

// defaultOf says what a flag is when it is left out. A secret's default is not shown.
func defaultOf(f *flag.Flag) string {
	switch {
	case f.DefValue == "" || f.DefValue == "false":
		return ""
	case strings.Contains(f.Name, "secret"):
		return " (default: that of the environment, or the demo's)"
	}
	return " (default " + f.DefValue + ")"
}
