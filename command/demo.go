package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"stagedoor/command/logging"
	"stagedoor/config"
	"stagedoor/flows"
	"stagedoor/proxy"
	"stagedoor/proxy/listen"
	"stagedoor/proxy/policy"
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
	frontendURL := flags.String("frontend", "", "the `ORIGIN` of your own app, such as http://127.0.0.1:5173, in the demo page's place")
	publicURL := flags.String("public-url", "", "the `ORIGIN` that browsers see, when your own server passes /auth/ and /api/ on to the demo")
	if err := parse(flags, args); err != nil {
		return err
	}
	if e.production() {
		return &usageError{errNotInProduction}
	}
	public, err := demoURL(*address)
	if err != nil {
		return &usageError{err}
	}
	public = cmp.Or(strings.TrimSuffix(*publicURL, "/"), public)
	frontend, err := demoFrontend(*frontendURL, public)
	if err != nil {
		return &usageError{err}
	}
	spotify, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := demoConfig(*address, public, "http://"+spotify.Addr().String())
	if frontend != "" || *publicURL != "" {
		c = forOwnApp(c, frontend)
	}
	var problem error
	c.Server.Validate(func(field, text string) { problem = fmt.Errorf("%s %s", field, text) })
	if problem != nil {
		return errors.Join(&usageError{problem}, spotify.Close())
	}
	handler, err := simulator.New(simulator.Options{Clients: []simulator.Client{{
		ID: c.Spotify.ClientID, Secret: c.Spotify.ClientSecret.Reveal(), RedirectURIs: []string{flows.RedirectURI(public)},
	}}})
	if err != nil {
		return errors.Join(err, spotify.Close())
	}
	defer handler.Close()
	log, err := logging.New(c.Log, e.stderr)
	if err != nil {
		return err
	}
	imitation := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
	defer func() { _ = imitation.Close() }() // no request waits for its answers any more
	go func() { _ = listen.Serve(imitation, spotify) }()
	return serveConfig(ctx, e, configuration{Config: c, level: log.Level}, log, func(admin string) {
		_, _ = fmt.Fprint(e.stdout, demoGreeting(c, frontend, admin))
	})
}

// demoFrontend is the origin of somebody's own app; "" is none. A slash at its end is taken off, since that is how development
// servers print theirs.
func demoFrontend(address, public string) (string, error) {
	if address == "" {
		return "", nil
	}
	origin, err := policy.ParseOrigin(strings.TrimSuffix(address, "/"))
	if err != nil {
		return "", fmt.Errorf("-frontend: %w", err)
	}
	if origin.String() == public {
		return "", fmt.Errorf("-frontend %s is where the demo itself listens; write where your app does", address)
	}
	return origin.String(), nil
}

// demoGreeting is what a demo says once it takes requests.
func demoGreeting(c config.Config, frontend, admin string) string {
	shows := "It shows the demo page."
	switch {
	case frontend != "":
		shows = fmt.Sprintf("It shows %s, your own app, once that runs.", frontend)
	case c.Server.PublicURL != "http://"+c.Server.Listen:
		shows = fmt.Sprintf("It is your own server, which passes /auth/, /api/ and /live/ on to http://%s.", c.Server.Listen)
	}
	return fmt.Sprintf("\n  Open %s in your browser. %s\n  The operator's page is http://%s. Nothing leaves this machine; Ctrl-C ends it.\n\n",
		c.Server.PublicURL, shows, admin)
}

// forOwnApp is the demo's configuration for somebody's own app, with everything that it may want to try: in the demo page's place,
// unless the origin is empty. This origin may call too, because a development server's page comes from there when it is opened.
func forOwnApp(c config.Config, origin string) config.Config {
	c.Session.BrowserTokens = true
	c.Spotify.Scopes = append(slices.Clone(c.Spotify.Scopes), "streaming")
	if origin == "" {
		return c
	}
	c.Server.AllowedOrigins = []string{origin}
	last := len(c.Routes) - 1
	c.Routes[last] = proxy.Route{Path: "/", Upstream: origin, Credentials: proxy.CredentialsNone}
	return c
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
