package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"

	"stagedoor/config"
	"stagedoor/proxy"
)

// readHeaderTimeout bounds how long a client of a listener beside the public one may take to send its request's headers.
const readHeaderTimeout = 10 * time.Second

// serve is the command that runs the gateway until ctx ends.
func serve(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	file := flags.String("config", "", "the configuration file")
	if err := parse(flags, args); err != nil {
		return err
	}
	loaded, err := loadConfig(*file, e)
	if err != nil {
		return err
	}
	log, err := newLogger(loaded.Config.Log, e.stderr)
	if err != nil {
		return &usageError{err}
	}
	for _, warning := range loaded.Warnings {
		log.Warn(warning.String())
	}
	tuneMemory(ctx, e, log)
	return serveConfig(ctx, e, loaded.Config, log, func() {})
}

// loadConfig finds and reads the configuration. Whatever is wrong with it is wrong usage.
func loadConfig(file string, e environment) (*config.Loaded, error) {
	path, err := config.Find(file, e.lookup)
	if err != nil {
		return nil, &usageError{err}
	}
	loaded, err := config.Load(path, e.lookup)
	if err != nil {
		return nil, &usageError{err}
	}
	return loaded, nil
}

// serveConfig serves until ctx ends. It calls listening once requests are taken.
func serveConfig(ctx context.Context, e environment, c config.Config, log *zap.Logger, listening func()) error {
	takeRemarks(log)
	g, err := newGateway(c, e.build, log)
	if err != nil {
		return err
	}
	public, err := listen(c.Server.Listen, "server.listen")
	if err != nil {
		return errors.Join(err, g.close())
	}
	errs := make(chan error, 2) // one for each listener
	requests, cutRequests := context.WithCancel(context.Background())
	defer cutRequests()
	c.Server.MaxConnections = connectionsFor(c.Server.MaxConnections, openFiles(), log)
	connections := proxy.NewConnections(public, c.Server, log)
	server := newServer(g.public, connections, c.Server, log)
	server.BaseContext = func(net.Listener) context.Context { return requests }
	go func() { errs <- serveOn(server, connections, c.Server.TLS) }()

	pages := proxy.NewAdmin(g.ready, c.Admin.Pprof)
	pages.Handle("GET /metrics", g.metrics.Handler())
	page := newOverview(c, e.build, g)
	pages.Handle("GET /{$}", page)
	go page.Run(requests)
	admin := &http.Server{Handler: pages, ReadHeaderTimeout: readHeaderTimeout, ErrorLog: newRemarks(log)}
	adminAddress := ""
	if c.Admin.Listen != "" {
		listener, err := listen(c.Admin.Listen, "admin.listen")
		if err != nil {
			return errors.Join(err, server.Close(), g.close())
		}
		adminAddress = listener.Addr().String()
		go func() { errs <- serveOn(admin, listener, proxy.TLSConfig{}) }()
	}
	log.Info("serving", zap.Stringer("listen", public.Addr()), zap.String("public_url", c.Server.PublicURL),
		zap.String("admin", adminAddress), zap.String("store", c.Session.Store), zap.String("version", e.build.Version))
	logRoutes(log, c)
	started := time.Now()
	listening()

	defer refuseReload(log)()
	select {
	case err = <-errs: // a listener broke
	case <-ctx.Done():
		err = shutDown(g, server, c.Server, cutRequests, log)
	}
	err = errors.Join(err, admin.Close(), g.close())
	log.Info("stopped", zap.Stringer("listen", public.Addr()), zap.Duration("after", time.Since(started).Round(time.Millisecond)), zap.Error(err))
	return err
}

// shutDown takes the gateway out of service so that nobody notices: first it says that it is not ready, then it closes
// the listener, then it waits for the requests in flight, and cuts those that take too long.
func shutDown(g *gateway, server *http.Server, c proxy.ServerConfig, cutRequests func(), log *zap.Logger) error {
	log.Info("shutting down", zap.Duration("delay", c.ShutdownDelay), zap.Duration("timeout", c.ShutdownTimeout))
	g.stopping.Store(true)
	time.Sleep(c.ShutdownDelay)
	late := time.AfterFunc(c.ShutdownTimeout, func() {
		log.Warn("some requests did not end by server.shutdown_timeout; they are cut")
		cutRequests()
		_ = server.Close() // Shutdown tells
	})
	defer late.Stop()
	err := server.Shutdown(context.Background())
	g.public.Wait()
	return err
}

func listen(address, key string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w; is another program there?", key, address, err)
	}
	return listener, nil
}

// serveOn serves until the server is closed, which is no error.
func serveOn(server *http.Server, listener net.Listener, tls proxy.TLSConfig) error {
	var err error
	if tls.CertFile == "" {
		err = server.Serve(listener)
	} else {
		err = server.ServeTLS(listener, tls.CertFile, tls.KeyFile)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// refuseReload answers SIGHUP, which would end the process otherwise, until the returned function is called.
func refuseReload(log *zap.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			log.Warn("SIGHUP changes nothing: this version reads its configuration at start only; restart it")
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}
