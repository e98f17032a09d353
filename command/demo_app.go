package command

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"stagedoor/config"
	"stagedoor/proxy"
	"stagedoor/proxy/policy"
)

// demoApp is what a demo shows, and where browsers find it. Without origin and folder it is the demo page.
type demoApp struct {
	origin string // of somebody's own app
	folder string // of somebody's own files
	public string // the origin that browsers see
	behind bool   // somebody's own server has the public origin, and passes paths on to the demo
}

// newDemoApp reads the flags of a demo that listens at an origin. A slash at the end of an origin is taken off, since that is how
// development servers print theirs.
func newDemoApp(listens, frontend, publicURL string) (demoApp, error) {
	app := demoApp{public: listens}
	if publicURL != "" {
		app.public, app.behind = strings.TrimSuffix(publicURL, "/"), true
	}
	if frontend == "" {
		return app, nil
	}
	if info, err := os.Stat(frontend); err == nil && info.IsDir() {
		app.folder = frontend
		return app, nil
	}
	origin, err := policy.ParseOrigin(strings.TrimSuffix(frontend, "/"))
	if err != nil {
		return app, fmt.Errorf("-frontend is neither a folder nor an origin: %w", err)
	}
	if app.origin = origin.String(); app.origin == listens {
		return app, fmt.Errorf("-frontend %s is where the demo itself listens; write where your app does", frontend)
	}
	return app, nil
}

// own tells whether there is more to serve than the demo page.
func (a demoApp) own() bool { return a.origin != "" || a.folder != "" || a.behind }

// configure puts the app into the demo page's place, with everything that it may want to try: the token for the Web Playback SDK,
// and calls from its own origin, because a development server's page comes from there when it is opened.
func (a demoApp) configure(c *config.Config) {
	if !a.own() {
		return
	}
	c.Session.BrowserTokens = true
	c.Spotify.Scopes = append(slices.Clone(c.Spotify.Scopes), "streaming")
	root := proxy.Route{Path: "/", Credentials: proxy.CredentialsNone}
	switch {
	case a.origin != "":
		root.Upstream = a.origin
		c.Server.AllowedOrigins = []string{a.origin}
	case a.folder != "":
		root.Files, root.Fallback = a.folder, "index.html"
	default:
		return
	}
	c.Routes[len(c.Routes)-1] = root
}

// greeting is what a demo says once it takes requests.
func (a demoApp) greeting(listen, admin string) string {
	shows := "It shows the demo page."
	switch {
	case a.behind:
		shows = fmt.Sprintf("It is your own server, which passes /auth/, /api/ and /live/ on to http://%s.", listen)
	case a.origin != "":
		shows = fmt.Sprintf("It shows %s, your own app, once that runs.", a.origin)
	case a.folder != "":
		shows = fmt.Sprintf("It shows your files in %s.", a.folder)
	}
	return fmt.Sprintf("\n  Open %s in your browser. %s\n  The operator's page is http://%s. Nothing leaves this machine; Ctrl-C ends it.\n\n",
		a.public, shows, admin)
}
