package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

// manual is the command that prints the manual page, in the man macros of roff.
func manual(_ context.Context, e environment, args []string) error {
	if err := parse(flag.NewFlagSet("man", flag.ContinueOnError), args); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(".TH STAGEDOOR 1\n.SH NAME\nstagedoor \\- a gateway between a web frontend and Spotify\n" +
		".SH SYNOPSIS\n.B stagedoor\n.I COMMAND\n[\\fIflags\\fR]\n.SH COMMANDS\n")
	for _, c := range commands() {
		flags := c.flags(e)
		fmt.Fprintf(&b, ".SS %s\n%s.\n.PP\n.B %s\n", roff(c.name), roff(c.summary), roff(c.synopsis(flags)))
		for _, f := range flags {
			form, text := formOf(f)
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(form), roff(text))
		}
		b.WriteString(".PP\nExamples:\n.nf\n")
		for _, example := range c.examples {
			fmt.Fprintf(&b, ".RS\nstagedoor %s\n.RE\n", roff(example))
		}
		fmt.Fprintf(&b, ".fi\n.PP\nExit codes: %s.\n", roff(c.exitCodes()))
	}
	b.WriteString(".SH FILES\nThe configuration is the file of \\-config, of $STAGEDOOR_CONFIG, ./config.yaml or /etc/stagedoor/config.yaml.\n")
	_, err := io.WriteString(e.stdout, b.String())
	return err
}

// roff escapes a text for a line of its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}
