package config

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"stagedoor/flows"
	"stagedoor/proxy"
	"stagedoor/secret"
	"stagedoor/session"
)

// checker validates a decoded configuration. Its problems go to the decoder, which knows the position of every field.
type checker struct {
	*decoder
	config   *Config
	warnings Problems
}

// check runs every package's own checks and those that need more than one part, and returns the warnings. Of a field
// that could not be decoded it reports nothing more: it still has its default.
func check(config *Config, d *decoder) Problems {
	c := &checker{decoder: d, config: config}
	undecoded := maps.Clone(d.broken)
	below := func(section string) func(field, problem string) {
		return func(field, problem string) {
			if strings.HasPrefix(field, "[") {
				field = section + field
			} else {
				field = strings.TrimSuffix(section+"."+field, ".")
			}
			if !covered(undecoded, field) {
				d.report(field, secret.WithoutUserinfos(problem))
			}
		}
	}
	config.Server.Validate(below("server"))
	config.Upstream.Validate(below("upstream"))
	config.Spotify.Validate(below("spotify"))
	config.Pages.Validate(append([]string{config.Server.PublicURL}, config.Server.AllowedOrigins...), below("pages"))
	config.Session.Validate(below("session"))
	config.Redis.Validate(below("redis"))
	config.Quota.Validate(below("quota"))
	config.Live.Validate(below("live"))
	config.Tracing.Validate(below("tracing"))
	proxy.ValidateRoutes(config.Routes, below("routes"))

	c.checkOwn()
	c.warn()
	c.warnings.sort()
	return c.warnings
}

// checkOwn runs the checks that no single package can do.
func (c *checker) checkOwn() {
	c.checkListeners()
	c.checkAdminHosts()
	c.checkValues()
	c.checkLog()
	c.checkTLS()
	c.checkClientSecret()
	c.checkCookie()
	c.checkAccounts()
}

// covered tells whether a field, something in it or what it is in is among the broken ones.
func covered(broken map[string]bool, field string) bool {
	for b := range broken {
		if b == field || isBelow(b, field) || isBelow(field, b) {
			return true
		}
	}
	return false
}

func isBelow(field, parent string) bool {
	rest, ok := strings.CutPrefix(field, parent)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// reject reports a problem of our own about a field, unless one is known that covers it or a field that the check depends on.
func (c *checker) reject(field, problem string, standsOn ...string) {
	for _, f := range append(standsOn, field) {
		if covered(c.broken, f) {
			return
		}
	}
	c.report(field, secret.WithoutUserinfos(problem))
}

func (c *checker) checkListeners() {
	public, admin := c.config.Server.Listen, c.config.Admin.Listen
	if admin == "" {
		return
	}
	if proxy.ListenProblem(admin) != "" {
		c.reject("admin.listen", fmt.Sprintf("%q is not an address; write host:port such as 127.0.0.1:9090, "+
			"or \"\" for none", admin))
		return
	}
	if sameListener(admin, public) {
		c.reject("admin.listen",
			fmt.Sprintf("server.listen has this address, %s, already; give each a port of its own", public), "server.listen")
	}
}

// sameListener tells whether two listeners would want one port. Port 0 is a fresh port for each.
func sameListener(a, b string) bool {
	if a == b && (strings.HasPrefix(a, "unix:") || strings.HasPrefix(a, "systemd:")) {
		return true
	}
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || isWildcard(hostA) || isWildcard(hostB)
}

func isWildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"json", "console"}
)

func (c *checker) checkLog() {
	log := c.config.Log
	if !slices.Contains(logLevels, log.Level) {
		c.reject("log.level", fmt.Sprintf("%q is not a log level; write debug, info, warn or error", log.Level))
	}
	if !slices.Contains(logFormats, log.Format) {
		c.reject("log.format", fmt.Sprintf("%q is not a log format; write json or console", log.Format))
	}
	if problem := auditFileProblem(log.AuditFile); problem != "" {
		c.reject("log.audit_file", problem)
	}
}

// auditFileProblem says why a file cannot be made or added to; empty when nothing is known to speak against it. Whether the gateway
// may write it depends on its user, and shows when it starts.
func auditFileProblem(path string) string {
	if path == "" {
		return ""
	}
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
		return fmt.Sprintf("there is no folder %q; make it, or correct the path", filepath.Dir(path))
	}
	if file, err := os.Stat(path); err == nil && file.IsDir() {
		return fmt.Sprintf("%q is a folder; write the path of a file", path)
	}
	return ""
}

// checkClientSecret reports a missing secret at the first thing that needs it.
func (c *checker) checkClientSecret() {
	const field = "spotify.client_secret"
	if !c.config.Spotify.ClientSecret.IsZero() {
		return
	}
	if c.config.Spotify.Flow == flows.FlowCode {
		c.reject(field, "there is no client secret, and the flow authorization_code needs it; "+
			"set SPOTIFY_CLIENT_SECRET, client_secret or client_secret_file, or take the flow authorization_code_pkce", "spotify.flow")
	}
	for i, route := range c.config.Routes {
		if route.Credentials == proxy.CredentialsApp || route.Credentials == proxy.CredentialsUserOrApp {
			c.reject(field, fmt.Sprintf("there is no client secret, and the route %s speaks for the app, which needs it; "+
				"set SPOTIFY_CLIENT_SECRET, client_secret or client_secret_file, or give the route the credentials user", route.Path),
				fmt.Sprintf("routes[%d].credentials", i))
		}
	}
}

// hostPrefix begins the names of cookies that browsers take from the host itself alone, never from a sibling (RFC 6265bis
// section 4.1.3). Not all browsers know it in another case, although they should.
const hostPrefix = "__Host-"

// securePrefixes are cookie names that browsers take over https only (RFC 6265bis section 4.1.3). Their case does not
// count.
var securePrefixes = []string{"__host-", "__secure-", "__http-"}

func (c *checker) checkCookie() {
	cookie := c.config.Session.Cookie
	if strings.HasPrefix(c.config.Server.PublicURL, "https://") {
		if cookie.Name != "" && !strings.HasPrefix(cookie.Name, hostPrefix) {
			c.reject("session.cookie.name", "without the prefix "+hostPrefix+" a page on a sibling subdomain can plant this cookie in a browser, "+
				"and so log a user in as somebody else; write "+hostPrefix+`Http-NAME or `+hostPrefix+`NAME, or "" for a name that fits`, "server.public_url")
		}
		return
	}
	if cookie.SameSite == "none" {
		c.reject("session.cookie.same_site", "browsers take a same_site: none cookie over https only; "+
			"serve server.public_url over https, or write lax", "server.public_url")
	}
	for _, prefix := range securePrefixes {
		if strings.HasPrefix(strings.ToLower(cookie.Name), prefix) {
			c.reject("session.cookie.name", "browsers take a cookie of this prefix over https only; "+
				`serve server.public_url over https, or write "" for a name that fits`, "server.public_url")
		}
	}
}

// accountName keeps names fit for a command line, a link and a key in Redis.
var accountName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (c *checker) checkAccounts() {
	for name, account := range c.config.Accounts {
		field := join("accounts", name)
		if !accountName.MatchString(name) {
			c.reject(field, "an account's name has up to 64 letters, digits, - and _; choose another")
		}
		if account.APIKeysFile == "" {
			continue
		}
		if err := proxy.CheckAPIKeys(account.APIKeysFile); err != nil {
			c.reject(join(field, "api_keys_file"), c.withoutSecret(account.APIKeysFile, err))
		}
	}
	for i, route := range c.config.Routes {
		field := fmt.Sprintf("routes[%d]", i)
		if name, ok := strings.CutPrefix(route.Credentials, proxy.AccountPrefix); ok {
			c.checkAccountRoute(field, route, name)
		}
	}
}

// checkAccountRoute reports routes that would open a whole account to the public because a key was left out.
func (c *checker) checkAccountRoute(field string, route proxy.Route, name string) {
	credentials := field + ".credentials"
	if covered(c.broken, credentials) {
		return
	}
	account, known := c.config.Accounts[name]
	if !known {
		c.reject(credentials,
			fmt.Sprintf("there is no account %q; add it below accounts, or correct the name", name), "accounts")
	}
	if route.IsLive() { // which only reads, and lists its paths
		return
	}
	if len(route.Methods) == 0 {
		c.reject(field+".methods", "a shared account's route must list its methods; write methods: [GET, HEAD]")
	}
	if len(route.Allow) == 0 {
		c.reject(field+".allow", "a shared account's route must list the paths that it allows, such as "+
			"allow: [me/player/currently-playing]")
	}
	writes := slices.ContainsFunc(route.Methods, func(m string) bool { return m != "GET" && m != "HEAD" })
	if known && account.APIKeysFile == "" && writes {
		c.reject(field+".methods", fmt.Sprintf("a route without API keys is public and may only read; "+
			"write methods: [GET, HEAD], or set accounts.%s.api_keys_file", name), join("accounts", name))
	}
}

// warn reports what works but may surprise.
func (c *checker) warn() {
	if c.config.Spotify.Flow == flows.FlowImplicit {
		c.addWarning("spotify.flow", "Spotify ended the implicit grant on 2025-11-27; use authorization_code_pkce")
	}
	environment, _ := c.getenv("STAGEDOOR_ENV")
	if environment == "production" && c.config.Session.Store == session.StoreMemory {
		c.addWarning("session.store", "memory keeps sessions in one process and loses them at a restart; use redis in production")
	}
	if environment == "production" || strings.HasPrefix(c.config.Server.PublicURL, "https://") {
		c.warnOfKeys()
	}
	c.warnOfNetworks()
	c.warnOfAdmin()
	c.warnOfVariables()
	c.warnScopes()
}

func (c *checker) addWarning(field, problem string) {
	c.warnings = append(c.warnings, c.found(field, problem))
}
