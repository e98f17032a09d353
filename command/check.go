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
	"stagedoor/session/redisstore"
)

// check is the command that proves a configuration before it is deployed.
func check(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	file := configFlag(flags)
	online := flags.Bool("online", false, "also ask Redis and Spotify")
	if err := parse(flags, args); err != nil {
		return err
	}
	loaded, err := loadConfig(*file, e)
	if err != nil {
		return err
	}
	var failing config.Problems
	for _, warning := range loaded.Warnings {
		if warning.Fails {
			failing = append(failing, warning)
			continue
		}
		_, _ = fmt.Fprintln(e.stderr, "warning:", warning)
	}
	if len(failing) > 0 {
		return failing
	}
	_, err = fmt.Fprintf(e.stdout, "%s is good. Its redirect URI, to be registered at Spotify as it stands:\n\n  %s\n\n%s\n%s",
		loaded.File, flows.RedirectURI(loaded.Config.Server.PublicURL), loaded.Config.RouteTable(), loaded.OriginTable())
	if err != nil || !*online {
		return err
	}
	return checkOnline(ctx, loaded.Config, e)
}

// checkOnline asks Redis and Spotify and prints one line a finding. The error holds the failures.
func checkOnline(ctx context.Context, c config.Config, e environment) error {
	if _, err := fmt.Fprintln(e.stdout); err != nil {
		return err
	}
	var failures []error
	for _, f := range append(askRedis(ctx, c), askSpotify(ctx, c)) {
		line := fmt.Sprintf("%s: %s", f.Severity, f.Text)
		switch f.Severity {
		case redisstore.Problem:
			failures = append(failures, errors.New(line))
		case redisstore.Warning:
			_, _ = fmt.Fprintln(e.stderr, line)
		default:
			if _, err := fmt.Fprintln(e.stdout, line); err != nil {
				return err
			}
		}
	}
	return errors.Join(failures...)
}

func askRedis(ctx context.Context, c config.Config) []redisstore.Finding {
	if c.Session.Store != session.StoreRedis {
		return []redisstore.Finding{{Severity: redisstore.Skipped, Text: "Sessions live in memory, so there is no Redis to ask."}}
	}
	redis, err := redisstore.New(c.Redis, zap.NewNop())
	if err != nil {
		return []redisstore.Finding{{Severity: redisstore.Problem, Text: fmt.Sprintf("Redis cannot be asked: %v.", err)}}
	}
	defer redis.Close() // everything has been asked
	return redis.Inspect(ctx)
}

func askSpotify(ctx context.Context, c config.Config) redisstore.Finding {
	if c.Spotify.ClientSecret.IsZero() {
		return redisstore.Finding{Severity: redisstore.Skipped,
			Text: "There is no client secret, and without one Spotify does not tell whether it knows the client id."}
	}
	tokens := flows.NewTokenClient(c.Spotify, c.Server.PublicURL, nil)
	switch _, err := tokens.ClientCredentials(ctx); {
	case err == nil:
		return redisstore.Finding{Severity: redisstore.Fine, Text: "Spotify accepts the client id and secret."}
	case errors.Is(err, session.ErrClientMisconfigured):
		return redisstore.Finding{Severity: redisstore.Problem, Text: fmt.Sprintf("Spotify refuses the client id or secret (%v); "+
			"copy spotify.client_id and client_secret anew from your app at developer.spotify.com/dashboard.", err)}
	default:
		return redisstore.Finding{Severity: redisstore.Problem, Text: fmt.Sprintf("Spotify gives no token (%v); "+
			"look at spotify.token_url and at this machine's way there, or try again later.", err)}
	}
}
