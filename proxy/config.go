package proxy

import (
	"io/fs"
	"time"

	"stagedoor/internal/bytesize"
	"stagedoor/proxy/limit"
)

// ServerConfig is the part of config.yaml below "server".
type ServerConfig struct {
	// Listen is the host:port of the public listener, or unix: and the path of a socket, or systemd: and the name of one that systemd
	// has opened.
	Listen string `yaml:"listen"`
	// PublicURL is the origin that browsers see: scheme, host and port, nothing behind.
	PublicURL string    `yaml:"public_url"`
	TLS       TLSConfig `yaml:"tls"`
	// TrustedProxies are the CIDRs of proxies, or "unix" for whoever connects to a Unix socket, that are trusted to set X-Forwarded-* and X-Request-Id; empty means none.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// AllowedOrigins are other exact browser origins that may call with credentials (CORS).
	AllowedOrigins []string `yaml:"allowed_origins"`
	// ShutdownDelay is how long /readyz says that it is not ready before the listeners close; zero closes at once.
	ShutdownDelay time.Duration `yaml:"shutdown_delay"`
	// ShutdownTimeout is how long requests in flight may take to finish after that.
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout"`
	// MaxRequestBody bounds the body of a request on a credentialed route.
	MaxRequestBody bytesize.Size `yaml:"max_request_body"`
	// MaxHeader bounds the request line and headers together; beyond it net/http answers 431.
	MaxHeader bytesize.Size `yaml:"max_header"`
	// MaxPath bounds a path below /auth/ or on a credentialed route.
	MaxPath bytesize.Size `yaml:"max_path"`
	// ReadHeaderTimeout bounds a TLS handshake, and the request line and headers of a request.
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	// ReadBodyTimeout bounds how long a request body takes, as a whole. On a route to a frontend, where bodies may
	// stream, it bounds each stall of the client instead.
	ReadBodyTimeout time.Duration `yaml:"read_body_timeout"`
	// WriteStallTimeout is how long a client may take nothing of an answer that waits for it; then it is cut.
	WriteStallTimeout time.Duration `yaml:"write_stall_timeout"`
	// KeepaliveTimeout is how long a connection without a request is kept.
	KeepaliveTimeout time.Duration `yaml:"keepalive_timeout"`
	// MaxConnections is how many connections there may be at a time; see Connections.
	MaxConnections int `yaml:"max_connections"`
	// MaxStreams is how many requests one HTTP/2 connection may have at a time.
	MaxStreams int `yaml:"max_streams"`
	// MaxInFlight is how many requests of all routes are served at a time; one more is answered with 503. Zero works it out from the
	// open files and the memory of the process; see package limit. Streams are counted apart.
	MaxInFlight int              `yaml:"max_in_flight"`
	ClientRate  ClientRateConfig `yaml:"client_rate"`
	// Maintenance is a text that answers every request but those of /auth/session, with 503; empty means no maintenance.
	Maintenance string `yaml:"maintenance"`
}

// ClientRateConfig is the part of config.yaml below "server.client_rate": how much one client address may send, or one /64 of IPv6.
type ClientRateConfig struct {
	// Requests and Logins are how many may come in Per; zero means no limit. Logins are requests of /auth/login and /auth/callback.
	Requests int           `yaml:"requests"`
	Logins   int           `yaml:"logins"`
	Per      time.Duration `yaml:"per"`
}

// Limits returns the limits that the configuration sets.
func (c ClientRateConfig) Limits() limit.ClientRate {
	return limit.ClientRate{Requests: c.Requests, Logins: c.Logins, Per: c.Per}
}

// UpstreamConfig is the part of config.yaml below "upstream". It holds for the Web API and for frontends; bodies may
// stream for as long as they like.
type UpstreamConfig struct {
	// ConnectTimeout bounds the making of a connection, and once more its TLS handshake.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// HeaderTimeout bounds the wait for an answer's header, from when the request has been sent.
	HeaderTimeout time.Duration `yaml:"header_timeout"`
	// MaxHeader bounds an answer's header.
	MaxHeader bytesize.Size `yaml:"max_header"`
}

// TLSConfig names the PEM files of the public listener's certificate; both empty means plain HTTP.
type TLSConfig struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// The values of Route.Credentials besides AccountPrefix and a name.
const (
	CredentialsUser      = "user"
	CredentialsApp       = "app"
	CredentialsUserOrApp = "user_or_app"
	CredentialsNone      = "none"
	AccountPrefix        = "account:"
)

// The values of Route.Host.
const (
	HostPublic   = "public"   // the one of public_url, which browsers see
	HostUpstream = "upstream" // the one of the route's upstream
)

// UpstreamSpotify is the value of Route.Upstream for Spotify's Web API: the only upstream that ever sees a bearer.
const UpstreamSpotify = "spotify"

// Route is one entry of config.yaml's "routes": where the paths below a prefix go, and with which credentials.
type Route struct {
	// Path is the prefix, on whole segments; the longest that matches wins.
	Path string `yaml:"path"`
	// Upstream is "spotify" or an origin; empty when Files is set.
	Upstream string `yaml:"upstream"`
	// Files is a folder to serve instead of an upstream; Fallback is the file in it that answers for paths that no
	// file has (a single-page app's index.html), empty means 404.
	Files    string `yaml:"files"`
	Fallback string `yaml:"fallback"`
	// Credentials says which session the route uses: one of the Credentials constants, or AccountPrefix and a name.
	Credentials string `yaml:"credentials"`
	// Methods that may pass; empty means GET, HEAD, POST, PUT and DELETE on a credentialed route, all on another.
	Methods []string `yaml:"methods"`
	// Allow are patterns for the path below the prefix: * is one segment, ** at the end any rest; empty means all.
	Allow []string `yaml:"allow"`
	// Live are paths below the Web API's base with answers that are pushed: a GET of one is a stream of server-sent events. It
	// replaces Methods and Allow.
	Live []string `yaml:"live"`
	// Host is the Host that a frontend is asked with: HostPublic, HostUpstream, or empty for HostPublic over http and
	// HostUpstream over https.
	Host string `yaml:"host"`
	// FS is served instead of the folder Files when it is set. It has no key in config.yaml.
	FS fs.FS `yaml:"-"`
}

// DefaultServerConfig returns the values of the keys that config.yaml leaves out.
func DefaultServerConfig() ServerConfig {
	return ServerConfig{
		Listen:            "127.0.0.1:8080",
		PublicURL:         "http://127.0.0.1:8080",
		ShutdownTimeout:   30 * time.Second,
		MaxRequestBody:    1 << 20,
		MaxHeader:         64 << 10,
		MaxPath:           2 << 10,
		ReadHeaderTimeout: 10 * time.Second,
		ReadBodyTimeout:   time.Minute,
		WriteStallTimeout: time.Minute,
		KeepaliveTimeout:  2 * time.Minute,
		MaxConnections:    10_000,
		MaxStreams:        250,
		ClientRate:        ClientRateConfig{Per: time.Minute},
	}
}

// DefaultUpstreamConfig returns the values of the keys that config.yaml leaves out.
func DefaultUpstreamConfig() UpstreamConfig {
	return UpstreamConfig{ConnectTimeout: 10 * time.Second, HeaderTimeout: 30 * time.Second, MaxHeader: 256 << 10}
}

// DefaultRoutes returns the routes of a configuration that has none.
func DefaultRoutes() []Route {
	return []Route{
		{Path: "/api/", Upstream: UpstreamSpotify, Credentials: CredentialsUser, Methods: DefaultMethods()},
		{Path: "/", Upstream: "http://127.0.0.1:3000", Credentials: CredentialsNone},
	}
}

// DefaultMethods are those of a credentialed route that names none.
func DefaultMethods() []string { return []string{"GET", "HEAD", "POST", "PUT", "DELETE"} }
