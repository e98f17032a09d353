package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"stagedoor/command/gateway"
	"stagedoor/flows"
	"stagedoor/proxy/listen"
	"stagedoor/simulator"
)

var errNotInProduction = errors.New("STAGEDOOR_ENV is production, and the simulator lets anybody in as anybody: " +
	"run it elsewhere, or unset STAGEDOOR_ENV")

// simulate is the command that runs the simulator in a process of its own.
func simulate(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	address := flags.String("listen", "127.0.0.1:9000", "the `ADDRESS` of the simulator")
	id := flags.String("client-id", e.or("SPOTIFY_CLIENT_ID", "stagedoor-demo"), "the `ID` of the registered client")
	secret := flags.String("client-secret", e.or("SPOTIFY_CLIENT_SECRET", "stagedoor-demo-secret"), "its `SECRET`")
	redirects := flags.String("redirect-uri", flows.RedirectURI(e.or("STAGEDOOR_PUBLIC_URL", "http://127.0.0.1:8080")),
		"its redirect `URIS`, separated by commas")
	lifetime := flags.Duration("token-lifetime", time.Hour, "how long an access token is good, a `DURATION`")
	implicit := flags.Bool("implicit", false, "also serve the implicit grant, which Spotify has ended")
	if err := parse(flags, args); err != nil {
		return err
	}
	if e.production() {
		return &usageError{errNotInProduction}
	}
	if _, _, err := net.SplitHostPort(*address); err != nil {
		return usagef("simulator: %q is not an address; write host:port, such as 127.0.0.1:9000", *address)
	}
	handler, err := simulator.New(simulator.Options{
		Clients:       []simulator.Client{{ID: *id, Secret: *secret, RedirectURIs: strings.Split(*redirects, ",")}},
		TokenLifetime: *lifetime, Implicit: *implicit,
	})
	if err != nil {
		return &usageError{err}
	}
	defer handler.Close()
	listener, err := listen.Open(*address, "-listen")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: gateway.ReadHeaderTimeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	_, _ = fmt.Fprintf(e.stdout, "The Spotify simulator listens on http://%s for client %s (redirect URI %s).\n",
		listener.Addr(), *id, *redirects)
	return listen.Serve(server, listener)
}

// or returns a variable's value, or what stands for an unset or empty one.
func (e environment) or(name, otherwise string) string {
	if value, _ := e.lookup(name); value != "" {
		return value
	}
	return otherwise
}
