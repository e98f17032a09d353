package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"time"

	"stagedoor/command/gateway"
	"stagedoor/command/logging"
	"stagedoor/config"
	"stagedoor/flows"
	"stagedoor/proxy"
	"stagedoor/proxy/listen"
	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/simulator"
	"stagedoor/web"
)

// demoScopes are what the demo's page can use.
var demoScopes = []string{
	"user-read-private", "user-read-email", "playlist-read-private", "user-top-read", "user-read-recently-played",
	"user-read-playback-state", "user-read-currently-playing", "user-modify-playback-state", "user-library-read",
}

// demo is the command that shows everything at once: the gateway on the memory store, the simulator instead of Spotify,
// and the demo frontend.
func demo(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	address := flags.String("listen", "127.0.0.1:8080", "the `ADDRESS` of the gateway")
	frontend := flags.String("frontend", "", "your own app in the demo page's place: its `ORIGIN`, such as http://127.0.0.1:5173, or a folder of files")
	publicURL := flags.String("public-url", "", "the `ORIGIN` that browsers see, when your own server passes /auth/ and /api/ on to the demo")
	if err := parse(flags, args); err != nil {
		return err
	}
	if e.production() {
		return &usageError{errNotInProduction}
	}
	listens, err := demoURL(*address)
	if err != nil {
		return &usageError{err}
	}
	app, err := newDemoApp(listens, *frontend, *publicURL)
	if err != nil {
		return &usageError{err}
	}
	spotify, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := demoConfig(*address, app.public, "http://"+spotify.Addr().String())
	app.configure(&c)
	var problem error
	c.Server.Validate(func(field, text string) { problem = fmt.Errorf("%s %s", field, text) })
	if problem != nil {
		return errors.Join(&usageError{problem}, spotify.Close())
	}
	handler, err := simulator.New(simulator.Options{Clients: []simulator.Client{{
		ID: c.Spotify.ClientID, Secret: c.Spotify.ClientSecret.Reveal(), RedirectURIs: []string{flows.RedirectURI(app.public)},
	}}})
	if err != nil {
		return errors.Join(err, spotify.Close())
	}
	defer handler.Close()
	log, err := logging.New(c.Log, e.stderr)
	if err != nil {
		return err
	}
	imitation := &http.Server{Handler: handler, ReadHeaderTimeout: gateway.ReadHeaderTimeout}
	defer func() { _ = imitation.Close() }() // no request waits for its answers any more
	go func() { _ = listen.Serve(imitation, spotify) }()
	return gateway.Serve(ctx, e.process(), gateway.Configuration{Config: c, Level: log.Level}, log, func(admin string) {
		_, _ = fmt.Fprint(e.stdout, app.greeting(*address, admin))
	})
}

// demoURL is where browsers find a demo that listens on an address. Cookies and redirect URIs need a loopback literal.
func demoURL(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" || port == "0" || host != "127.0.0.1" && host != "::1" {
		return "", fmt.Errorf("the demo cannot listen on %q; write 127.0.0.1 and a port, such as 127.0.0.1:8080", address)
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

func demoConfig(address, public, spotify string) config.Config {
	c := config.Default()
	c.Server.Listen, c.Server.PublicURL = address, public
	c.Server.ShutdownTimeout = time.Second // a page that is still open must not delay Ctrl-C
	c.Admin.Listen = "127.0.0.1:0"         // any, because another gateway may have the usual one
	c.Log.Format = "console"
	c.Spotify.ClientID, c.Spotify.ClientSecret = "stagedoor-demo", session.NewKey()
	c.Spotify.Scopes = demoScopes
	c.Spotify.AuthorizeURL, c.Spotify.TokenURL, c.Spotify.APIURL = spotify+"/authorize", spotify+"/api/token", spotify+"/v1"
	c.Session.Store, c.Session.Keys = session.StoreMemory, []secret.Text{session.NewKey()}
	c.Routes = []proxy.Route{
		{Path: "/api/", Upstream: proxy.UpstreamSpotify, Credentials: proxy.CredentialsUser},
		{Path: "/live/", Upstream: proxy.UpstreamSpotify, Credentials: proxy.CredentialsUser, Live: []string{"me/player", "me/player/queue"}},
		{Path: "/", FS: web.Demo(), Credentials: proxy.CredentialsNone, Fallback: "index.html"},
	}
	return c
}
