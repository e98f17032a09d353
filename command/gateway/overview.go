package gateway

import (
	"context"

	"stagedoor/command/logging"
	"stagedoor/config"
	"stagedoor/internal/overview"
	"stagedoor/proxy"
	"stagedoor/proxy/quota"
)

// newOverview makes the page of the admin listener, which tells what /readyz does.
func newOverview(c config.Config, p Process, g *gateway, log *logging.Logger) *overview.Page {
	return overview.New(overview.Options{
		Version: p.Version, Commit: p.Commit, Store: c.Session.Store, Profiler: c.Admin.Pprof,
		APIRoutes: g.apiRoutes, GateReason: g.gateReason,
		Metrics: g.metrics, Ready: g.readiness, Log: log.Ready, Sessions: g.counts.CountSessions, Replicas: g.counts.Replicas,
	})
}

// counts is what both stores count for an operator.
type counts interface {
	CountSessions(ctx context.Context) (int, error)
	Replicas(ctx context.Context) (int, error)
}

// apiRoutes are the prefixes of the routes that call Spotify's Web API.
func (g *gateway) apiRoutes() []string {
	var prefixes []string
	for _, route := range g.current.Load().config.Routes {
		if route.Upstream == proxy.UpstreamSpotify {
			prefixes = append(prefixes, route.Path)
		}
	}
	return prefixes
}

// gateReason says why no calls leave at present; it is empty when they may.
func (g *gateway) gateReason() string {
	left, reason := g.quota.Limiter.GateLeft(quota.BucketAll)
	if left == 0 {
		return ""
	}
	return (&quota.LimitedError{Reason: reason}).Text()
}
