package command

import (
	"context"
	"flag"

	"stagedoor/command/gateway"
	"stagedoor/command/logging"
	"stagedoor/config"
)

// serve is the command that runs the gateway until ctx ends.
func serve(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	file := configFlag(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	c, err := gateway.Load(func() (*config.Loaded, error) { return loadConfig(*file, e) })
	if err != nil {
		return err
	}
	log, err := logging.New(c.Log, e.stderr)
	if err != nil {
		return &usageError{err}
	}
	for _, warning := range c.Warnings() {
		log.Warn(warning.String())
	}
	gateway.SetMemory(e.lookup)
	c.Level = log.Level
	return gateway.Serve(ctx, e.process(), c, log, func(string) {})
}

// loadConfig finds and reads the configuration. Any problem with it is a usage error.
func loadConfig(file string, e environment) (*config.Loaded, error) {
	path, err := config.Find(file, e.lookup)
	if err != nil {
		return nil, &usageError{err}
	}
	loaded, err := config.Load(path, e.lookup)
	if err != nil {
		return nil, &usageError{err}
	}
	return loaded, nil
}
