package command

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"

	"go.uber.org/zap"

	"stagedoor/config"
	"stagedoor/flows"
	"stagedoor/metrics"
	"stagedoor/proxy"
	"stagedoor/session"
	"stagedoor/web"
)

// gateway is a configuration that has come to life: its handlers and what stands behind them.
type gateway struct {
	public   *proxy.Gateway
	sessions *session.Manager
	redis    *session.Redis // nil with the memory store
	metrics  *metrics.Metrics
	stopping atomic.Bool
}

// newGateway wires the packages together, in the order of a request's way: proxy, session, flows, and proxy again. No
// connection is made before the first request.
func newGateway(c config.Config, build Build, log *zap.Logger) (*gateway, error) {
	tokens := flows.NewTokenEndpoint(c.Spotify, c.Server.PublicURL, nil)
	g := &gateway{metrics: metrics.New(build.Version, build.Commit)}
	options, err := g.sessionOptions(c, tokens, log)
	if err != nil {
		return nil, err
	}
	if g.sessions, err = session.NewManager(options); err != nil {
		return nil, errors.Join(err, g.close())
	}
	auth, err := flows.New(flows.Options{
		Config: c.Spotify, PublicURL: c.Server.PublicURL, Sessions: g.sessions, Tokens: tokens, Client: web.Client(),
		BrowserTokens: c.Session.BrowserTokens, Log: log, Metrics: g.metrics,
	})
	if err != nil {
		return nil, errors.Join(err, g.close())
	}
	g.public, err = proxy.New(proxy.Options{
		Server: c.Server, Routes: c.Routes, APIURL: c.Spotify.APIURL, APIKeyFiles: apiKeyFiles(c.Accounts), Sessions: g.sessions, Auth: auth,
		Log: log, Metrics: g.metrics, Version: build.Version,
	})
	if err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func apiKeyFiles(accounts map[string]config.Account) map[string]string {
	files := make(map[string]string, len(accounts))
	for name, account := range accounts {
		files[name] = account.APIKeysFile
	}
	return files
}

func (g *gateway) sessionOptions(c config.Config, tokens *flows.TokenEndpoint, log *zap.Logger) (session.Options, error) {
	public, err := url.Parse(c.Server.PublicURL)
	if err != nil {
		return session.Options{}, err
	}
	o := session.Options{
		Config: c.Session, Secure: public.Scheme == "https", Refresh: tokens.Refresh, App: tokens.ClientCredentials,
		Client: c.Spotify.ClientID, Log: log, Metrics: g.metrics,
	}
	if c.Session.Store == session.StoreMemory {
		store := newMeasured(session.NewMemory(nil), g.metrics)
		o.Store, o.Leases = store, store
		return o, nil
	}
	if g.redis, err = session.NewRedis(c.Redis, log); err != nil {
		return session.Options{}, err
	}
	store := newMeasured(g.redis, g.metrics)
	o.Store, o.Leases, o.Watch, o.Users = store, store, g.redis.Watch, g.redis.Users
	return o, nil
}

// ready says which part is not ready, in words for the operator.
func (g *gateway) ready(ctx context.Context) error {
	if g.stopping.Load() {
		return errors.New("the gateway is shutting down")
	}
	if g.redis == nil {
		return nil
	}
	if err := g.redis.Ping(ctx); err != nil {
		return errors.New("the session store does not answer: look at Redis and at redis.* in the configuration")
	}
	return nil
}

// close waits for refreshes in flight and leaves the store.
func (g *gateway) close() error {
	if g.sessions != nil {
		g.sessions.Close()
	}
	if g.redis != nil {
		return g.redis.Close()
	}
	return nil
}
