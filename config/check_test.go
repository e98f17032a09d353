package config

import (
	"path/filepath"
	"slices"
	"testing"

	"stagedoor/proxy"
	"stagedoor/secret"
)

// problemsOf runs our own checks over a good configuration that change has spoiled. The packages' own checks are theirs
// to test, and some of them refuse what this version does not serve yet.
func problemsOf(change func(c *Config)) []string {
	config := Default()
	config.Spotify.ClientID = "id"
	config.Spotify.ClientSecret = secret.New("secret")
	config.Session.Keys = []secret.Text{secret.New(testKey)}
	change(&config)
	c := &checker{decoder: newDecoder("config.yaml", "", environment()), config: &config}
	c.checkOwn()
	var problems []string
	for _, f := range c.problems {
		problems = append(problems, f.Field+": "+f.Text)
	}
	return problems
}

const planted = "session.cookie.name: without the prefix __Host- a page on a sibling subdomain can plant this cookie in a browser, " +
	"and so log a user in as somebody else; write __Host-Http-NAME or __Host-NAME, or \"\" for a name that fits"

func TestOwnChecks(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, "the-key-of-a-caller")
	account := func(change func(c *Config, route *proxy.Route)) func(*Config) {
		return func(c *Config) {
			c.Accounts = map[string]Account{"radio": {}, "jukebox": {APIKeysFile: keys}}
			c.Routes = []proxy.Route{{Path: "/now/", Upstream: "spotify", Credentials: "account:radio",
				Methods: []string{"GET", "HEAD"}, Allow: []string{"me/player"}}}
			change(c, &c.Routes[0])
		}
	}
	for name, test := range map[string]struct {
		change func(c *Config)
		want   []string
	}{
		"nothing wrong": {func(*Config) {}, nil},

		"no admin listener":         {func(c *Config) { c.Admin.Listen = "" }, nil},
		"any port twice":            {func(c *Config) { c.Admin.Listen, c.Server.Listen = "127.0.0.1:0", "127.0.0.1:0" }, nil},
		"one port on two addresses": {func(c *Config) { c.Admin.Listen, c.Server.Listen = "127.0.0.1:80", "192.0.2.1:80" }, nil},
		"one address": {func(c *Config) { c.Admin.Listen = "127.0.0.1:8080" },
			[]string{"admin.listen: server.listen has this address, 127.0.0.1:8080, already; give each a port of its own"}},
		"one port on every address": {func(c *Config) { c.Server.Listen = ":9090" },
			[]string{"admin.listen: server.listen has this address, :9090, already; give each a port of its own"}},
		"one port on IPv6's every": {func(c *Config) { c.Admin.Listen = "[::]:8080" },
			[]string{"admin.listen: server.listen has this address, 127.0.0.1:8080, already; give each a port of its own"}},
		"admin without port": {func(c *Config) { c.Admin.Listen = "127.0.0.1" },
			[]string{`admin.listen: "127.0.0.1" is not an address; write host:port such as 127.0.0.1:9090, or "" for none`}},
		"admin with a large port": {func(c *Config) { c.Admin.Listen = "127.0.0.1:65536" },
			[]string{`admin.listen: "127.0.0.1:65536" is not an address; write host:port such as 127.0.0.1:9090, or "" for none`}},

		"log": {func(c *Config) { c.Log = Log{Level: "loud", Format: "text"} },
			[]string{`log.level: "loud" is not a log level; write debug, info, warn or error`,
				`log.format: "text" is not a log format; write json or console`}},

		"no secret for the flow": {func(c *Config) { c.Spotify.ClientSecret = secret.Text{} },
			[]string{"spotify.client_secret: there is no client secret, and the flow authorization_code needs it; " +
				"set SPOTIFY_CLIENT_SECRET, client_secret or client_secret_file, or take the flow authorization_code_pkce"}},
		"no secret for PKCE": {func(c *Config) {
			c.Spotify.ClientSecret, c.Spotify.Flow = secret.Text{}, "authorization_code_pkce"
		}, nil},
		"no secret for two app routes": {func(c *Config) {
			c.Spotify.ClientSecret, c.Spotify.Flow = secret.Text{}, "authorization_code_pkce"
			c.Routes[0].Credentials = "user_or_app"
			c.Routes = append(c.Routes, proxy.Route{Path: "/app/", Upstream: "spotify", Credentials: "app"})
		}, []string{"spotify.client_secret: there is no client secret, and the route /api/ speaks for the app, which needs it; " +
			"set SPOTIFY_CLIENT_SECRET, client_secret or client_secret_file, or give the route the credentials user"}},

		"foreign cookie on http": {func(c *Config) { c.Session.Cookie.SameSite = "none" },
			[]string{"session.cookie.same_site: browsers take a same_site: none cookie over https only; " +
				"serve server.public_url over https, or write lax"}},
		"foreign cookie on https": {func(c *Config) {
			c.Server.PublicURL, c.Session.Cookie.SameSite, c.Session.Cookie.Name = "https://a.example", "none", "__Host-a"
		}, nil},
		"https cookie name on http": {func(c *Config) { c.Session.Cookie.Name = "__host-a" },
			[]string{"session.cookie.name: browsers take a cookie of this prefix over https only; " +
				`serve server.public_url over https, or write "" for a name that fits`}},

		"cookie of a sibling on https": {func(c *Config) { c.Server.PublicURL, c.Session.Cookie.Name = "https://a.example", "app" }, []string{planted}},
		"cookie from https alone":      {func(c *Config) { c.Server.PublicURL, c.Session.Cookie.Name = "https://a.example", "__Secure-app" }, []string{planted}},
		"cookie out of scripts' reach": {func(c *Config) { c.Server.PublicURL, c.Session.Cookie.Name = "https://a.example", "__Http-app" }, []string{planted}},
		"prefix without underscores":   {func(c *Config) { c.Server.PublicURL, c.Session.Cookie.Name = "https://a.example", "Http-app" }, []string{planted}},
		"prefix in small letters":      {func(c *Config) { c.Server.PublicURL, c.Session.Cookie.Name = "https://a.example", "__host-app" }, []string{planted}},
		"the strongest prefix":         {func(c *Config) { c.Server.PublicURL, c.Session.Cookie.Name = "https://a.example", "__Host-Http-app" }, nil},

		"public account": {account(func(*Config, *proxy.Route) {}), nil},
		"account behind a key": {account(func(_ *Config, r *proxy.Route) {
			r.Credentials, r.Methods = "account:jukebox", []string{"PUT"}
		}), nil},
		"unknown account": {account(func(_ *Config, r *proxy.Route) { r.Credentials = "account:raido" }),
			[]string{`routes[0].credentials: there is no account "raido"; add it below accounts, or correct the name`}},
		"public account that writes": {account(func(_ *Config, r *proxy.Route) { r.Methods = []string{"GET", "PUT"} }),
			[]string{"routes[0].methods: a route without API keys is public and may only read; " +
				"write methods: [GET, HEAD], or set accounts.radio.api_keys_file"}},
		"account without limits": {account(func(_ *Config, r *proxy.Route) { r.Methods, r.Allow = nil, nil }),
			[]string{"routes[0].methods: a shared account's route must list its methods; write methods: [GET, HEAD]",
				"routes[0].allow: a shared account's route must list the paths that it allows, such as " +
					"allow: [me/player/currently-playing]"}},
		"account without its keys": {account(func(c *Config, _ *proxy.Route) { c.Accounts["jukebox"] = Account{APIKeysFile: "/nowhere/keys"} }),
			[]string{`accounts.jukebox.api_keys_file: the file of API keys "/nowhere/keys" cannot be read (no such file or directory); ` +
				"correct the path or its permissions"}},
		"account with a strange name": {account(func(c *Config, _ *proxy.Route) { c.Accounts["a b"] = Account{} }),
			[]string{`accounts."a b": an account's name has up to 64 letters, digits, - and _; choose another`}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := problemsOf(test.change); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
