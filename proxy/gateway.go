package proxy

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/httperror"
	"stagedoor/internal/tracing"
	"stagedoor/proxy/limit"
	"stagedoor/proxy/live"
	"stagedoor/proxy/policy"
	"stagedoor/proxy/quota"
)

// Options are what a Gateway is made of.
type Options struct {
	// Server and Routes come from config.yaml; New checks both.
	Server ServerConfig
	Routes []Route
	// APIURL is the base of Spotify's Web API, such as https://api.spotify.com/v1. It is the only place that a bearer
	// is ever sent to.
	APIURL string
	// APIKeyFiles are the files of API keys by the name of their shared account; an account without one is public.
	APIKeyFiles map[string]string
	// Sessions knows browsers and their tokens.
	Sessions Sessions
	// Auth answers everything at and below /auth/.
	Auth AuthHandler
	// Transport carries requests to Spotify; nil means NewTransport of the defaults. Share one between Gateways that
	// follow one another, so that a new configuration does not throw away the connections.
	Transport http.RoundTripper
	// FrontendTransport carries requests to web frontends; nil means Transport, or NewFrontendTransport of the defaults
	// when that is nil too.
	FrontendTransport http.RoundTripper
	// Quota shares out the calls of Spotify's Web API; nil means one that keeps nothing and heeds Spotify's 429. Share one
	// between Gateways that follow one another.
	Quota *quota.Quota
	// Live has the streams of routes with live; nil when there are no such routes. Share one between Gateways that follow one
	// another, and tell it with Keep which routes there are.
	Live *live.Hub
	// Reuse says which answers serve as fresh although Spotify does not say so.
	Reuse []quota.Reuse
	// InFlight bounds the requests and streams of a time, and Clients those of a client; nil means no limit. Share one of each
	// between Gateways that follow one another.
	InFlight *limit.InFlight
	Clients  *limit.Clients
	// Pages are the gateway's own pages; nil means those of a configuration that says nothing of them.
	Pages *httperror.Pages
	// Log gets an access line for each request and what is worth knowing beside it; nil means no log.
	Log *zap.Logger
	// Metrics gets what is counted and timed; nil discards it.
	Metrics Metrics
	// Tracer makes spans of requests; nil makes none.
	Tracer *tracing.Tracer
	// Version is told to Spotify in the User-Agent; empty means "dev".
	Version string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Gateway answers the public listener. Its configuration is fixed: another one is another Gateway. It is safe for
// concurrent use and holds nothing that needs closing.
type Gateway struct {
	log      *zap.Logger
	metrics  Metrics
	now      func() time.Time
	sessions Sessions
	auth     AuthHandler
	pages    *httperror.Pages
	limits   ServerConfig
	origins  policy.OriginRule
	trusted  policy.TrustedProxies
	inFlight *limit.InFlight
	clients  *limit.Clients
	own      []policy.Field // what every answer carries
	routes   routeTable
	tracer   *tracing.Tracer

	countAuth, countUnrouted func(method string, status int, took time.Duration, trace string) // see Metrics.Requests
}

// New makes a Gateway, or says everything that is wrong with its options.
func New(o Options) (*Gateway, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	public, err := policy.ParseOrigin(o.Server.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("server.public_url: %w", err)
	}
	g := &Gateway{
		inFlight: o.InFlight, clients: o.Clients,
		log: o.Log, metrics: o.Metrics, now: o.Now, tracer: o.Tracer, sessions: o.Sessions, auth: o.Auth, pages: o.Pages, limits: o.Server,
		origins:   policy.NewOriginRule(public.String(), o.Server.AllowedOrigins),
		countAuth: o.Metrics.Requests(authPrefix + "/"), countUnrouted: o.Metrics.Requests(routeNone),
	}
	if g.trusted, err = policy.ParseTrustedProxies(o.Server.TrustedProxies); err != nil {
		return nil, fmt.Errorf("server.trusted_proxies: %w", err)
	}
	if public.Scheme == "https" {
		g.own = append(g.own, policy.Field{Name: "Strict-Transport-Security", Values: []string{"max-age=31536000"}})
	}
	parts := parts{Options: o, public: public, origins: g.origins}
	if parts.api, err = parseAPIURL(o.APIURL); err != nil {
		return nil, err
	}
	g.routes, err = newRouteTable(o.Routes, parts)
	return g, err
}

// parts are what the handlers of all routes share.
type parts struct {
	Options
	public  *url.URL
	api     *url.URL // without a slash at the end
	origins policy.OriginRule
}

// noErrorLog is the reverse proxies': the access line says the same, with the request's id and without the upstream's words.
var noErrorLog = log.New(io.Discard, "", 0)

func (o Options) check() error {
	var problems []error
	o.Server.Validate(func(field, problem string) {
		problems = append(problems, fmt.Errorf("server.%s: %s", field, problem))
	})
	ValidateRoutes(o.Routes, func(field, problem string) {
		problems = append(problems, fmt.Errorf("routes%s: %s", field, problem))
	})
	if o.Sessions == nil || o.Auth == nil {
		problems = append(problems, errors.New("a gateway needs Sessions and Auth"))
	}
	return errors.Join(problems...)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.FrontendTransport == nil {
		o.FrontendTransport = o.Transport
	}
	if o.FrontendTransport == nil {
		o.FrontendTransport = NewFrontendTransport(DefaultUpstreamConfig())
	}
	if o.Transport == nil {
		o.Transport = NewTransport(DefaultUpstreamConfig())
	}
	if o.Quota == nil {
		o.Quota = quota.New(quota.Options{IsQuota: IsQuota, Now: o.Now})
	}
	if o.InFlight == nil {
		o.InFlight = new(limit.InFlight)
	}
	if o.Clients == nil {
		o.Clients = new(limit.Clients)
	}
	if o.Pages == nil {
		o.Pages = httperror.DefaultPages()
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	return o
}

func parseAPIURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("spotify.api_url: %q is not the base of an API; write one such as https://api.spotify.com/v1", raw)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}
