package command

import (
	"context"
	"flag"

	"stagedoor/config"
)

// schema is the command that prints the JSON Schema of config.yaml.
func schema(_ context.Context, e environment, args []string) error {
	if err := parse(flag.NewFlagSet("schema", flag.ContinueOnError), args); err != nil {
		return err
	}
	text, err := config.Schema(e.build.Example)
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(text)
	return err
}
