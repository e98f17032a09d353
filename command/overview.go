package command

import (
	"context"

	"stagedoor/config"
	"stagedoor/overview"
)

// newOverview makes the page of the admin listener.
func newOverview(c config.Config, build Build, g *gateway) *overview.Page {
	return overview.New(overview.Options{
		Version: build.Version, Commit: build.Commit, Store: c.Session.Store, Profiler: c.Admin.Pprof,
		Metrics: g.metrics, Ready: g.ready, Sessions: g.census.CountSessions, Replicas: g.census.Replicas,
	})
}

// census is what both stores tell an operator.
type census interface {
	CountSessions(ctx context.Context) (int, error)
	Replicas(ctx context.Context) (int, error)
}
