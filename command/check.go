package command

import (
	"context"
	"flag"
	"fmt"

	"stagedoor/flows"
)

// check is the command that proves a configuration before it is deployed.
func check(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	file := flags.String("config", "", "the configuration file")
	online := flags.Bool("online", false, "also ask Redis and Spotify")
	if err := parse(flags, args); err != nil {
		return err
	}
	loaded, err := loadConfig(*file, e)
	if err != nil {
		return err
	}
	for _, warning := range loaded.Warnings {
		_, _ = fmt.Fprintln(e.stderr, "warning:", warning)
	}
	_, err = fmt.Fprintf(e.stdout, "%s is good. Its redirect URI, to be registered at Spotify as it stands:\n\n  %s\n\n%s",
		loaded.File, flows.RedirectURI(loaded.Config.Server.PublicURL), loaded.Config.RouteTable())
	if err != nil || !*online {
		return err
	}
	return checkOnline(ctx, loaded.Config, e)
}
