// Package gateway makes the other packages a running gateway: it opens the store, wires sessions, flows, quota, streams and the proxy
// together, serves them on both listeners, checks the store, and takes another configuration into use while requests go on.
package gateway

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"stagedoor/command/logging"
	"stagedoor/config"
	"stagedoor/flows"
	"stagedoor/flows/token"
	"stagedoor/internal/metrics"
	"stagedoor/internal/outcome"
	"stagedoor/internal/tracing"
	"stagedoor/proxy/limit"
	"stagedoor/proxy/live"
	"stagedoor/proxy/quota"
	"stagedoor/session"
	"stagedoor/session/memstore"
	"stagedoor/session/redisstore"
)

// gateway is a running gateway: what all generations share, each of which serves one configuration.
type gateway struct {
	*sessionStore
	limits   limits
	process  Process
	tracer   *tracing.Tracer // nil: no request is traced
	log      *zap.Logger
	metrics  *metrics.Metrics
	current  atomic.Pointer[generation]
	warmth   warmth
	inFlight sync.WaitGroup // requests of all generations, WebSockets among them, which http.Server.Shutdown does not know
	stopping atomic.Bool
}

// sessionStore is the sessions of a configuration, with the connection that they need.
type sessionStore struct {
	sessions *session.Manager
	redis    *redisstore.Store // nil with the memory store
	quota    *quota.Quota
	live     *live.Hub
	counts   counts // the same store, for the operator
}

// newGateway wires the packages together, in the order of a request's way: proxy, session, flows, and proxy again. No
// connection is made before the first request.
func newGateway(c config.Config, p Process, log *zap.Logger, tracer *tracing.Tracer) (*gateway, error) {
	tokens := flows.NewTokenClient(c.Spotify, c.Server.PublicURL, nil)
	counts := metrics.New(p.Version, p.Commit)
	store, err := openSessions(c, tokens, counts, log)
	if err != nil {
		return nil, err
	}
	g := &gateway{sessionStore: store, process: p, tracer: tracer, log: log, metrics: counts, limits: limits{resources: limit.OfProcess()}}
	counts.AddInFlight(g.limits.inFlight.Requests)
	begin := &generation{config: c, tokens: tokens}
	begin.transport, begin.frontends = g.transports(c)
	first, err := g.generation(c, begin)
	if err != nil {
		return nil, errors.Join(err, store.close())
	}
	g.current.Store(first)
	counts.CertificateExpires(first.certificateExpiry())
	counts.ConfigRead(time.Now())
	return g, nil
}

// OpenManager opens the sessions of a configuration for a program that serves no requests. Its metrics are not shown. Closed waits
// for what is under way.
func OpenManager(c config.Config, p Process, log *zap.Logger) (manager *session.Manager, closed func() error, err error) {
	opened, err := openSessions(c, flows.NewTokenClient(c.Spotify, c.Server.PublicURL, nil), metrics.New(p.Version, p.Commit), log)
	if err != nil {
		return nil, nil, err
	}
	return opened.sessions, opened.close, nil
}

func openSessions(c config.Config, tokens *token.Client, counts *metrics.Metrics, log *zap.Logger) (*sessionStore, error) {
	public, err := url.Parse(c.Server.PublicURL)
	if err != nil {
		return nil, err
	}
	o := session.Options{
		Config: c.Session, Secure: public.Scheme == "https", Refresh: tokens.Refresh, App: tokens.ClientCredentials,
		Client: c.Spotify.ClientID, Log: log, Metrics: counts,
	}
	s := &sessionStore{}
	if c.Session.Store == session.StoreMemory {
		memory := memstore.New(nil)
		store := newMeasured(memory, counts)
		o.Store, o.Leases, o.Lists, o.Bulk, o.Watch, s.counts = store, store, store, store, memory.Watch, memory
	} else {
		if s.redis, err = redisstore.New(c.Redis, log); err != nil {
			return nil, err
		}
		store := newMeasured(s.redis, counts)
		o.Store, o.Leases, o.Lists, o.Bulk, o.Watch, s.counts = store, store, store, store, s.redis.Watch, s.redis
	}
	o.GrantEnded = s.grantEnded
	s.live = newLive(c, o.Leases, s.redis, counts)
	s.quota = newQuota(c, s.redis, s.live, counts)
	watch := o.Watch
	o.Watch = func(ctx context.Context, w session.Watcher) {
		watch(ctx, liveWatcher{Watcher: quotaWatcher{Watcher: w, quota: s.quota}, hub: s.live})
	}
	if s.sessions, err = session.NewManager(o); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// readiness says which part is not ready, in words for the operator, or remarks what the operator should do although the
// gateway is ready.
func (g *gateway) readiness(ctx context.Context) (remark string, err error) {
	if g.stopping.Load() {
		return "", errors.New("the gateway is shutting down")
	}
	if g.redis == nil {
		return "", nil
	}
	full, err := g.redis.Ready(ctx)
	return strings.Join(nonEmpty(full, g.redis.WatchProblem()), "\n"), err
}

// readyWith adds what an operator should know of the log to what else makes a gateway ready.
func readyWith(log *logging.Logger, ready func(context.Context) (remark string, err error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		remark, err := log.Ready()
		other, otherErr := ready(ctx)
		return strings.Join(nonEmpty(other, remark), "\n"), errors.Join(otherErr, err)
	}
}

// watchParts checks the store and whether audit lines are written, and reports and logs the outcome, until stop is called.
func (g *gateway) watchParts(audited func() bool) (stop func()) {
	w := storeWatch{
		check: g.checkStore,
		report: func(now storeReadiness) {
			g.metrics.Ready(outcome.PartStore, now.problem == "")
			g.metrics.Ready(outcome.PartLogins, now.problem == "" && now.remark == "")
			g.metrics.Ready(outcome.PartAudit, audited())
			g.metrics.Watching(g.redis == nil || g.redis.Watching())
		},
		log: g.log,
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { w.run(ctx) })
	return func() {
		cancel()
		watching.Wait()
	}
}

// checkStore is one check of the store. A store in memory is always ready.
func (g *gateway) checkStore(ctx context.Context) storeReadiness {
	if g.redis == nil {
		return storeReadiness{}
	}
	remark, err := g.redis.Ready(ctx)
	if err != nil {
		return storeReadiness{problem: err.Error()}
	}
	return storeReadiness{remark: remark} // the store itself has logged what is wrong with its news
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

// adminHosts are the names, besides those that every admin listener has, of the configuration in use.
func (g *gateway) adminHosts() []string { return g.current.Load().config.Admin.Hosts }

// close waits for refreshes in flight and closes the store.
func (s *sessionStore) close() error {
	if s.live != nil {
		s.live.Close()
	}
	if s.sessions != nil {
		s.sessions.Close()
	}
	if s.quota != nil {
		s.quota.Close()
	}
	if s.redis != nil {
		return s.redis.Close()
	}
	return nil
}
