package command

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"go.uber.org/zap"

	"stagedoor/config"
	"stagedoor/flows"
	"stagedoor/session"
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
		return explain(err)
	}
	for _, warning := range loaded.Warnings {
		_, _ = fmt.Fprintln(e.stderr, "warning:", warning.Explain())
	}
	_, err = fmt.Fprintf(e.stdout, "%s is good. Its redirect URI, to be registered at Spotify as it stands:\n\n  %s\n\n%s",
		loaded.File, flows.RedirectURI(loaded.Config.Server.PublicURL), loaded.Config.RouteTable())
	if err != nil || !*online {
		return err
	}
	return errors.Join(checkRedis(ctx, loaded.Config, e), checkClient(ctx, loaded.Config, e))
}

// explained are faults that print with the lines that they stand in.
type explained struct{ config.Faults }

func (e explained) Error() string { return e.Explain() }
func (e explained) Unwrap() error { return e.Faults }

// explain shows the lines of the faults in a configuration; the other commands name the places only.
func explain(err error) error {
	var faults config.Faults
	if errors.As(err, &faults) {
		return explained{faults}
	}
	return err
}

func checkRedis(ctx context.Context, c config.Config, e environment) error {
	if c.Session.Store != session.StoreRedis {
		return nil
	}
	redis, err := session.NewRedis(c.Redis, zap.NewNop())
	if err != nil {
		return err
	}
	if err := errors.Join(redis.Ping(ctx), redis.Close()); err != nil {
		return fmt.Errorf("redis: %w; look at redis.addresses, username, password and tls", err)
	}
	_, err = fmt.Fprintln(e.stdout, "\nRedis answers.")
	return err
}

func checkClient(ctx context.Context, c config.Config, e environment) error {
	if c.Spotify.ClientSecret.IsZero() {
		_, err := fmt.Fprintln(e.stdout, "There is no client secret, so Spotify cannot be asked about the client.")
		return err
	}
	tokens := flows.NewTokenEndpoint(c.Spotify, c.Server.PublicURL, nil)
	if _, err := tokens.ClientCredentials(ctx); err != nil {
		return fmt.Errorf("spotify: %w; look at spotify.client_id, client_secret and token_url", err)
	}
	_, err := fmt.Fprintln(e.stdout, "Spotify accepts the client id and secret.")
	return err
}
