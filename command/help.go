package command

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// usage prints all commands.
func usage(w io.Writer) error {
	text := "Stagedoor stands between a web frontend and Spotify.\n\n" + usageLines("  ", commands()) +
		"\n`stagedoor COMMAND -h` shows a command's flags, and an example of it.\nExit codes: " + usualExits + ".\n"
	_, err := io.WriteString(w, text)
	return err
}

// usageOf prints some commands alone.
func usageOf(w io.Writer, some []command) error {
	_, err := io.WriteString(w, usageLines("", some))
	return err
}

// usageLines has a line for each of some commands.
func usageLines(indent string, some []command) string {
	var lines string
	for _, c := range some {
		lines += fmt.Sprintf("%sstagedoor %-24s %s\n", indent, strings.TrimSpace(c.name+" "+c.operand), c.summary)
	}
	return lines
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
		form, text := formOf(f)
		fmt.Fprintf(&b, "  %-24s %s\n", form, text)
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
		form, _ := formOf(f)
		words = append(words, "["+form+"]")
	}
	return strings.Join(words, " ")
}

// formOf is a flag as it stands in a command line, with a word for its value, and what it does.
func formOf(f *flag.Flag) (form, text string) {
	value, text := flag.UnquoteUsage(f)
	return strings.TrimSpace("-" + f.Name + " " + value), text + defaultOf(f)
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
