package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"stagedoor/client"
	"stagedoor/config"
	"stagedoor/flows"
	"stagedoor/flows/token"
	"stagedoor/internal/dial"
	"stagedoor/internal/httperror"
	"stagedoor/proxy"
	"stagedoor/session"
)

// generation is what a gateway makes anew of each configuration. It is immutable: a request ends in the generation that it
// began in, and an old one is gone with its last request.
type generation struct {
	config      config.Config
	tokens      *token.Client
	transport   dial.Transport // to Spotify
	frontends   dial.Transport
	public      *proxy.Gateway
	certificate *tls.Certificate // nil: plain HTTP
}

// generation makes the successor of last. It takes over what its configuration does not change and what holds
// connections or a queue.
func (g *gateway) generation(c config.Config, last *generation) (*generation, error) {
	next := &generation{config: c, tokens: last.tokens, transport: last.transport, frontends: last.frontends}
	if !reflect.DeepEqual(c.Spotify, last.config.Spotify) {
		next.tokens = flows.NewTokenClient(c.Spotify, c.Server.PublicURL, nil)
	}
	if c.Upstream != last.config.Upstream {
		next.transport, next.frontends = g.transports(c)
	}
	pages, err := httperror.NewPages(c.Pages)
	if err != nil {
		return nil, err
	}
	auth, err := flows.New(flows.Options{
		Config: c.Spotify, PublicURL: c.Server.PublicURL, AllowedOrigins: c.Server.AllowedOrigins, Sessions: g.sessions,
		Tokens: next.tokens, Client: client.Files(), Pages: pages, BrowserTokens: c.Session.BrowserTokens,
		Calls: loginCalls{g.quota.Limiter}, Log: g.log, Metrics: g.metrics,
	})
	if err != nil {
		return nil, err
	}
	next.public, err = proxy.New(proxy.Options{
		Server: c.Server, Routes: c.Routes, APIURL: c.Spotify.APIURL, APIKeyFiles: apiKeyFiles(c.Accounts),
		Sessions: g.sessions, Auth: auth, Transport: next.transport, FrontendTransport: next.frontends, Quota: g.quota, Live: g.live, Reuse: c.Quota.Reuse,
		InFlight: &g.limits.inFlight, Clients: &g.limits.clients, Pages: pages, Log: g.log, Metrics: g.metrics, Tracer: g.tracer, Version: g.process.Version,
	})
	if err != nil {
		return nil, err
	}
	next.certificate, err = readCertificate(c.Server.TLS)
	return next, err
}

// transports makes the transports to Spotify and to frontends. They keep no more unused connections than there are files for.
func (g *gateway) transports(c config.Config) (spotify, frontends dial.Transport) {
	spotify, frontends = proxy.NewTransport(c.Upstream), proxy.NewFrontendTransport(c.Upstream)
	for _, t := range []dial.Transport{spotify, frontends} {
		t.MaxIdleConns = g.limits.capacity(c).Idle
		t.MaxIdleConnsPerHost = min(t.MaxIdleConnsPerHost, t.MaxIdleConns)
	}
	return spotify, frontends
}

// use takes another configuration into use, which has what needs a restart in common with the one before, or returns an
// error and changes nothing. Only the reloader calls it.
func (g *gateway) use(c config.Config) error {
	last := g.current.Load()
	next, err := g.generation(c, last)
	if err != nil {
		return err
	}
	settings := session.Settings{Config: c.Session, Refresh: next.tokens.Refresh, App: next.tokens.ClientCredentials}
	if err := g.sessions.Use(settings); err != nil {
		return err
	}
	if g.redis != nil {
		g.redis.SetLogin(c.Redis.Username, c.Redis.Password)
	}
	g.quota.Configure(c.Quota)
	g.live.Configure(c.Live)
	g.current.Store(next)
	g.metrics.CertificateExpires(next.certificateExpiry())
	g.live.Keep(next.public.LiveRoutes())
	if next.transport != last.transport {
		last.transport.CloseIdleConnections()
		last.frontends.CloseIdleConnections()
	}
	g.warmth.move(next)
	if next.tokens != last.tokens {
		last.tokens.CloseIdleConnections()
	}
	return nil
}

// ServeHTTP serves a request of the public listener by the configuration that is in use when it comes.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.inFlight.Add(1)
	defer g.inFlight.Done()
	g.current.Load().public.ServeHTTP(w, r)
}

// certificate is for tls.Config.GetCertificate.
func (g *gateway) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if certificate := g.current.Load().certificate; certificate != nil {
		return certificate, nil
	}
	return nil, errors.New("there is no certificate")
}

// certificateExpiry is when the certificate expires; zero without one.
func (g *generation) certificateExpiry() time.Time {
	if g.certificate == nil || g.certificate.Leaf == nil {
		return time.Time{}
	}
	return g.certificate.Leaf.NotAfter
}

// server is the part of the configuration in use that the public listener needs.
func (g *gateway) server() proxy.ServerConfig { return g.current.Load().config.Server }

func apiKeyFiles(accounts map[string]config.Account) map[string]string {
	files := make(map[string]string, len(accounts))
	for name, account := range accounts {
		files[name] = account.APIKeysFile
	}
	return files
}

// readCertificate reads the files of the public listener's certificate; nil where it speaks plain HTTP.
func readCertificate(c proxy.TLSConfig) (*tls.Certificate, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("server.tls: the certificate cannot be used: %w; look at cert_file and key_file", err)
	}
	return &certificate, nil
}
