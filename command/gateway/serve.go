package gateway

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"stagedoor/command/logging"
	"stagedoor/config"
	"stagedoor/internal/tracing"
	"stagedoor/proxy"
	"stagedoor/proxy/admin"
	"stagedoor/proxy/listen"
)

// ReadHeaderTimeout bounds how long a client of a listener beside the public one may take to send its request's headers.
const ReadHeaderTimeout = 10 * time.Second

// Process is what a gateway may know of its process.
type Process struct {
	Version, Commit string
	// Lookup returns the value of an environment variable.
	Lookup func(name string) (value string, set bool)
	// Hangups delivers SIGHUP; nil for never.
	Hangups <-chan os.Signal
}

// Serve serves until ctx ends, and closes the log. It calls listening once requests are taken, with the address of the
// admin listener, which is empty when there is none.
func Serve(ctx context.Context, p Process, c Configuration, lines *logging.Logger, listening func(admin string)) error {
	ending := lines.CloseAfter(ctx, c.Server.ShutdownDelay+c.Server.ShutdownTimeout)
	defer ending()
	log := lines.Logger
	logging.TakeStandard(log)
	tracer := tracing.New(c.Tracing, p.Lookup, p.Version, log)
	defer tracer.Close()
	g, err := newGateway(c.Config, p, log, tracer)
	if err != nil {
		return err
	}
	g.metrics.LogQueue(lines.Dropped, lines.Waiting)
	public, err := listen.Open(c.Server.Listen, "server.listen")
	if err != nil {
		return errors.Join(err, g.close())
	}
	errs := make(chan error, 2) // one for each listener
	requests, cutRequests := context.WithCancel(context.Background())
	defer cutRequests()
	connections := listen.New(public, g.limits.use(c.Config, log), log)
	server := listen.NewServer(g, connections, c.Server, g.certificate, logging.Standard(log))
	server.RegisterOnShutdown(g.live.Drain) // streams would not end by themselves
	server.BaseContext = func(net.Listener) context.Context { return requests }
	go func() { errs <- listen.Serve(server, connections) }()

	pages := admin.New(readyWith(lines, g.readiness), c.Admin.Pprof)
	pages.Handle("GET /metrics", g.metrics.Handler())
	page := newOverview(c.Config, p, g, lines)
	pages.Handle("GET /{$}", page)
	adminServer := &http.Server{Handler: admin.Guard(g.adminHosts, pages), ReadHeaderTimeout: ReadHeaderTimeout, ErrorLog: logging.Standard(log)}
	adminAddress := ""
	if c.Admin.Listen != "" {
		listener, err := listen.Open(c.Admin.Listen, "admin.listen")
		if err != nil {
			return errors.Join(err, server.Close(), g.close())
		}
		adminAddress = listener.Addr().String()
		go page.Run(requests)
		go func() { errs <- listen.Serve(adminServer, listener) }()
	}
	log.Info("serving", zap.Stringer("listen", public.Addr()), zap.String("public_url", c.Server.PublicURL),
		zap.String("admin", adminAddress), zap.String("store", c.Session.Store), zap.String("version", p.Version))
	logRoutes(log, c.Config)
	logMaintenance("", c.Server.Maintenance, log)
	g.warmth.keep(g.current.Load())
	stopWatching := g.watchParts(lines.Audited)
	started := time.Now()
	listening(adminAddress)

	reloads := &reloader{Configuration: c, gateway: g, connections: connections, log: log, reopenLog: lines.Reopen, lookup: p.Lookup}
	stopReloading := reloads.start(ctx, p.Hangups)
	select {
	case err = <-errs: // a listener broke
	case <-ctx.Done():
		err = shutDown(g, server, cutRequests, log)
	}
	stopReloading()
	g.warmth.stop()
	stopWatching()
	err = errors.Join(err, adminServer.Close(), g.close())
	log.Info("stopped", zap.Stringer("listen", public.Addr()), zap.Duration("after", time.Since(started).Round(time.Millisecond)), zap.Error(err))
	return err
}

// shutDown takes the gateway out of service without errors for clients: first it says that it is not ready, then it closes
// the listener, then it waits for the requests in flight, and cuts those that take too long.
func shutDown(g *gateway, server *http.Server, cutRequests func(), log *zap.Logger) error {
	c := g.server()
	log.Info("shutting down", zap.Duration("delay", c.ShutdownDelay), zap.Duration("timeout", c.ShutdownTimeout))
	g.stopping.Store(true)
	time.Sleep(c.ShutdownDelay)
	late := time.AfterFunc(c.ShutdownTimeout, func() {
		log.Warn("some requests did not end by server.shutdown_timeout; they are cut")
		cutRequests()
		_ = server.Close() // Shutdown tells
		g.live.Cut()
	})
	defer late.Stop()
	err := server.Shutdown(context.Background())
	g.inFlight.Wait()
	g.live.Drain()
	g.live.Wait() // net/http does not know streams on HTTP/1
	return err
}

// logRoutes logs a line for each route: where its requests go, with which credentials, and what the configuration
// restricts them to.
func logRoutes(log *zap.Logger, c config.Config) {
	for _, route := range c.Routes {
		to := cmp.Or(route.Files, route.Upstream)
		switch {
		case route.Upstream == proxy.UpstreamSpotify:
			to = c.Spotify.APIURL
		case route.FS != nil:
			to = "files of the program's own"
		}
		fields := []zap.Field{zap.String("path", route.Path), zap.String("to", to),
			zap.String("credentials", cmp.Or(route.Credentials, proxy.CredentialsNone))}
		if len(route.Methods) > 0 {
			fields = append(fields, zap.String("methods", strings.Join(route.Methods, " ")))
		}
		if len(route.Allow) > 0 {
			fields = append(fields, zap.String("allow", strings.Join(route.Allow, " ")))
		}
		log.Info("route", fields...)
	}
}
