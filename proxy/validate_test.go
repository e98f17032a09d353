package proxy

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"stagedoor/internal/bytesize"
)

// problems collects what a validation reports: the fields in order, and all sentences.
func problems(validate func(report func(field, problem string))) (fields []string, text string) {
	validate(func(field, problem string) {
		fields = append(fields, field)
		text += field + ": " + problem + "\n"
	})
	return fields, text
}

func TestDefaultsAreValid(t *testing.T) {
	if fields, text := problems(DefaultServerConfig().Validate); fields != nil {
		t.Error(text)
	}
	if fields, text := problems(func(r func(string, string)) { ValidateRoutes(DefaultRoutes(), r) }); fields != nil {
		t.Error(text)
	}
}

func TestPublicURL(t *testing.T) {
	for raw, fine := range map[string]bool{
		"https://app.example": true, "https://app.example:8443": true, "http://127.0.0.1:8080": true, "http://127.0.0.1": true,
		"http://[::1]:8080": true, "https://127.0.0.1": true, "https://app.example:443": true, "HTTPS://app.example": false, "https://App.Example": false,
		"": false, "app.example": false, "//app.example": false, "ftp://app.example": false, "https://": false, "https://:80": false,
		"http://app.example": false, "http://127.0.0.2:8080": false, "http://192.168.0.1": false, "http://localhost:8080": false,
		"https://localhost": false, "https://x.localhost": false, "https://LOCALHOST": false, "https://localhost.": false,
		"https://app.example/": false, "https://app.example/x": false, "https://app.example?": false, "https://app.example?x": false,
		"https://app.example#": false, "https://u@app.example": false, "https://u:p@app.example": false, "https://app.example:": false,
		"https://app.example:0": false, "https://app.example:99999": false, "https://app.example:080": false, "https://app example": false,
		"https://äpp.example": false, "http://[::1%25lo]:8080": false, "https:app.example": false, "https://*.example": false,
	} {
		c := DefaultServerConfig()
		c.PublicURL = raw
		if fields, text := problems(c.Validate); (fields == nil) != fine {
			t.Errorf("%q: %q, want fine %v", raw, text, fine)
		}
	}
}

func TestServerProblems(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ServerConfig)
		want   []string
	}{
		"listen":      {func(c *ServerConfig) { c.Listen = "8080" }, []string{"listen"}},
		"listen port": {func(c *ServerConfig) { c.Listen = ":http" }, []string{"listen"}},
		"socket":      {func(c *ServerConfig) { c.Listen, c.TrustedProxies = "unix:/run/a", []string{"unix"} }, nil},
		"no path":     {func(c *ServerConfig) { c.Listen = "unix:run/a" }, []string{"listen"}},
		"systemd":     {func(c *ServerConfig) { c.Listen = "systemd:http" }, nil},
		"no name":     {func(c *ServerConfig) { c.Listen = "systemd:" }, []string{"listen"}},
		"any address": {func(c *ServerConfig) { c.Listen = ":0" }, nil},
		"half tls":    {func(c *ServerConfig) { c.TLS.KeyFile = "x" }, []string{"tls"}},
		"tls on http": {func(c *ServerConfig) { c.TLS = TLSConfig{"x", "y"} }, []string{"tls"}},
		"cidr":        {func(c *ServerConfig) { c.TrustedProxies = []string{"10.0.0.0/8", "10.0.0.1", "x"} }, []string{"trusted_proxies[1]", "trusted_proxies[2]"}},
		"origins": {func(c *ServerConfig) {
			c.AllowedOrigins = []string{"http://localhost:5173", "*", "null", "https://a.example/"}
		}, []string{"allowed_origins[1]", "allowed_origins[2]", "allowed_origins[3]"}},
		"inexact origins": {func(c *ServerConfig) { c.AllowedOrigins = []string{"https://A.example", "https://a.example:443"} }, []string{"allowed_origins[0]", "allowed_origins[1]"}},
		"durations":       {func(c *ServerConfig) { c.ShutdownDelay, c.ShutdownTimeout = -1, -1 }, []string{"shutdown_delay", "shutdown_timeout"}},
		"sizes":           {func(c *ServerConfig) { c.MaxRequestBody, c.MaxHeader = 0, 0 }, []string{"max_request_body", "max_header"}},
		"limits": {func(c *ServerConfig) {
			c.MaxPath, c.ReadHeaderTimeout, c.ReadBodyTimeout, c.WriteStallTimeout = 0, 0, 0, -1
			c.KeepaliveTimeout, c.MaxConnections, c.MaxStreams = 0, 0, -1
			c.MaxInFlight, c.ClientRate = -1, ClientRateConfig{Requests: -1, Logins: -1}
		}, []string{"max_path", "read_header_timeout", "read_body_timeout", "write_stall_timeout", "keepalive_timeout",
			"max_connections", "max_streams", "client_rate.per", "max_in_flight", "client_rate.requests", "client_rate.logins"}},
		"maintenance":       {func(c *ServerConfig) { c.Maintenance = "Back <soon>." }, nil},
		"blank maintenance": {func(c *ServerConfig) { c.Maintenance = " " }, []string{"maintenance"}},
		"long maintenance":  {func(c *ServerConfig) { c.Maintenance = strings.Repeat("a", 2001) }, []string{"maintenance"}},
	} {
		config := DefaultServerConfig()
		c.change(&config)
		if fields, text := problems(config.Validate); !slices.Equal(fields, c.want) {
			t.Errorf("%s: %s, want %v", name, text, c.want)
		}
	}
}

func TestUpstreamProblems(t *testing.T) {
	if fields, text := problems(DefaultUpstreamConfig().Validate); fields != nil {
		t.Error(text)
	}
	want := []string{"connect_timeout", "header_timeout", "max_header"}
	if fields, text := problems(UpstreamConfig{}.Validate); !slices.Equal(fields, want) {
		t.Errorf("%s, want %v", text, want)
	}
}

func TestRouteProblems(t *testing.T) {
	user := Route{Path: "/api/", Upstream: UpstreamSpotify, Credentials: CredentialsUser}
	none := Route{Path: "/", Upstream: "http://127.0.0.1:3000", Credentials: CredentialsNone}
	with := func(r Route, change func(*Route)) []Route { change(&r); return []Route{r} }
	for name, c := range map[string]struct {
		routes []Route
		want   string // a field and part of the sentence
	}{
		"relative path":      {with(user, func(r *Route) { r.Path = "api/" }), "[0].path: must begin"},
		"no path":            {with(user, func(r *Route) { r.Path = "" }), "[0].path: must begin"},
		"auth":               {with(user, func(r *Route) { r.Path = "/auth" }), "[0].path: gateway's own"},
		"below auth":         {with(user, func(r *Route) { r.Path = "/auth/x/" }), "[0].path: gateway's own"},
		"dots":               {with(user, func(r *Route) { r.Path = "/a/../b" }), "[0].path: a dot segment"},
		"two slashes":        {with(user, func(r *Route) { r.Path = "/a//" }), "[0].path: an empty segment"},
		"encoded":            {with(user, func(r *Route) { r.Path = "/a%20b" }), "[0].path: decoded"},
		"same path":          {[]Route{user, none, {Path: "/api", Upstream: UpstreamSpotify, Credentials: CredentialsUser}}, "[2].path: route [0]"},
		"bearer elsewhere":   {with(none, func(r *Route) { r.Credentials = CredentialsUser }), "[0].upstream: bearer never goes"},
		"spotify for nobody": {with(user, func(r *Route) { r.Credentials = CredentialsNone }), "[0].credentials: credentials: user"},
		"spotify unsaid":     {with(user, func(r *Route) { r.Credentials = "" }), "[0].credentials: credentials: user"},
		"account unnamed":    {with(user, func(r *Route) { r.Credentials = "account:" }), "[0].credentials: unknown"},
		"unknown":            {with(user, func(r *Route) { r.Credentials = "users" }), "[0].credentials: unknown"},
		"nowhere":            {with(none, func(r *Route) { r.Upstream = "" }), "[0].upstream: leads nowhere"},
		"upstream path":      {with(none, func(r *Route) { r.Upstream = "http://127.0.0.1:3000/x" }), "[0].upstream: no path"},
		"upstream scheme":    {with(none, func(r *Route) { r.Upstream = "127.0.0.1:3000" }), "[0].upstream: origin"},
		"both":               {with(none, func(r *Route) { r.Files = "./dist" }), "[0].files: not both"},
		"files for a user":   {with(none, func(r *Route) { r.Upstream, r.Files, r.Credentials = "", "x", "user" }), "[0].credentials: files need no"},
		"fallback alone":     {with(none, func(r *Route) { r.Fallback = "index.html" }), "[0].fallback: needs files"},
		"fallback outside":   {with(none, func(r *Route) { r.Upstream, r.Files, r.Fallback = "", "x", "../x" }), "[0].fallback: must name a file"},
		"method":             {with(user, func(r *Route) { r.Methods = []string{"GET", "get"} }), "[0].methods[1]: is not a method"},
		"method twice":       {with(user, func(r *Route) { r.Methods = []string{"GET", "GET"} }), "[0].methods[1]: twice"},
		"preflight":          {with(user, func(r *Route) { r.Methods = []string{"OPTIONS"} }), "[0].methods[0]: is not a method"},
		"trace":              {with(none, func(r *Route) { r.Methods = []string{"TRACE"} }), "[0].methods[0]: is not a method"},
		"writing files":      {with(none, func(r *Route) { r.Upstream, r.Files, r.Methods = "", "x", []string{"PUT"} }), "[0].methods[0]: files can take"},
		"allow":              {with(none, func(r *Route) { r.Allow = []string{"x"} }), "[0].allow: no use"},
		"stars within":       {with(user, func(r *Route) { r.Allow = []string{"me", "**/x"} }), "[0].allow[1]: before its end"},
		"part of a segment":  {with(user, func(r *Route) { r.Allow = []string{"me*"} }), "[0].allow[0]: part of a segment"},
		"slash at the end":   {with(user, func(r *Route) { r.Allow = []string{"me/"} }), "[0].allow[0]: write it without"},
		"pattern with dots":  {with(user, func(r *Route) { r.Allow = []string{"../x"} }), "[0].allow[0]: a dot segment"},
	} {
		fields, text := problems(func(r func(string, string)) { ValidateRoutes(c.routes, r) })
		field, part, _ := strings.Cut(c.want, ": ")
		if !slices.Equal(fields, []string{field}) || !strings.Contains(text, part) {
			t.Errorf("%s: %q, want %s", name, text, c.want)
		}
	}
	for name, routes := range map[string][]Route{
		"none at all": nil,
		"files":       with(none, func(r *Route) { r.Upstream, r.Files, r.Fallback, r.Credentials = "", "./dist", "index.html", "" }),
		"an fs.FS":    with(none, func(r *Route) { r.Upstream, r.FS = "", fstest.MapFS{} }),
		"patterns":    with(user, func(r *Route) { r.Allow = []string{"/me", "me/**", "playlists/*/items", "**"} }),
		"localhost":   with(none, func(r *Route) { r.Upstream = "https://localhost:3000" }),
		"options":     with(none, func(r *Route) { r.Methods = []string{"GET", "OPTIONS"} }),
	} {
		if fields, text := problems(func(r func(string, string)) { ValidateRoutes(routes, r) }); fields != nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestNewRefusesWhatValidateRefuses(t *testing.T) {
	fine := Options{Server: DefaultServerConfig(), APIURL: "https://api.example/v1", Sessions: &fakeSessions{}, Auth: anyAuth{http.NotFoundHandler()}}
	if _, err := New(fine); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		"server.public_url":       func(o *Options) { o.Server.PublicURL = "http://app.example" },
		"routes[0].upstream":      func(o *Options) { o.Routes = []Route{{Path: "/", Upstream: "http://x", Credentials: "user"}} },
		"spotify.api_url":         func(o *Options) { o.APIURL = "api.example" },
		"Sessions and Auth":       func(o *Options) { o.Auth = nil },
		"build the frontend":      func(o *Options) { o.Routes = []Route{{Path: "/", Files: "testdata/no-such-folder"}} },
		"validate_test.go is not": func(o *Options) { o.Routes = []Route{{Path: "/", Files: "validate_test.go"}} },
	} {
		o := fine
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]bytesize.Size{"0": 0, "512": 512, "64KiB": 64 << 10, "1MiB": 1 << 20, "1536KiB": 1536 << 10} {
		var got bytesize.Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if back, err := got.MarshalText(); err != nil || string(back) != text {
			t.Errorf("%s came back as %s, %v", text, back, err)
		}
	}
	bad := map[string]bool{"": true, "-1": true, "1MB": true, "1.5MiB": true, "KiB": true, "1 KiB": true, "9999999999MiB": true, "1KiBMiB": true}
	for text := range maps.Keys(bad) {
		if err := new(bytesize.Size).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
