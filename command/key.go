package command

import (
	"context"
	"flag"
	"fmt"

	"stagedoor/session"
)

// key is the command that makes a session key.
func key(_ context.Context, e environment, args []string) error {
	if err := parse(flag.NewFlagSet("key", flag.ContinueOnError), args); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.stdout, session.NewKey().Reveal())
	return err
}
