package gateway

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/config"
	"stagedoor/internal/outcome"
	"stagedoor/proxy/listen"
)

// Configuration is what a gateway begins with, and where the next one comes from.
type Configuration struct {
	config.Config
	Level  zap.AtomicLevel // of the log
	loaded *config.Loaded  // nil: no file has it, so there is never another
	files  *watchedFiles   // nil without loaded
}

// Load loads a configuration and watches its files from now on. It reads them again after the first check of them, so that no change
// in between is missed. The caller sets Level.
func Load(load func() (*config.Loaded, error)) (Configuration, error) {
	loaded, err := load()
	if err != nil {
		return Configuration{}, err
	}
	files := watch(loaded)
	if loaded, err = loaded.Again(); err != nil {
		return Configuration{}, err
	}
	return Configuration{Config: loaded.Config, loaded: loaded, files: files}, nil
}

// Warnings are what the operator should know of a configuration that is good.
func (c Configuration) Warnings() config.Problems { return c.loaded.Warnings }

// reloader takes other configurations into use while the gateway serves: all of config.yaml after SIGHUP, and what its
// files of secrets hold when that changes.
type reloader struct {
	Configuration
	gateway     *gateway
	connections *listen.Connections
	log         *zap.Logger
	reopenLog   func() error // after a rotation
	lookup      func(name string) (value string, set bool)
}

// start begins to work until ctx ends, or the returned function is called, which waits.
func (r *reloader) start(ctx context.Context, hangups <-chan os.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(ctx, hangups)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (r *reloader) run(ctx context.Context, hangups <-chan os.Signal) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			r.hungUp()
		case <-tick.C:
			if r.files != nil && r.files.changed() && !r.reload(r.loaded.Again) {
				r.files.refused()
			}
		}
	}
}

func (r *reloader) hungUp() {
	if err := r.reopenLog(); err != nil {
		r.log.Error("the audit lines go on where they went", zap.Error(err))
	}
	if r.loaded == nil {
		r.log.Warn("SIGHUP changes nothing: this gateway has no configuration file")
		return
	}
	r.reload(func() (*config.Loaded, error) { return config.Load(r.loaded.File, r.lookup) })
}

// reload takes what is loaded into use, or changes nothing, and says which. It names keys and files, and no values.
func (r *reloader) reload(load func() (*config.Loaded, error)) (done bool) {
	before := r.files
	change, err := r.use(load)
	if err != nil {
		r.gateway.metrics.Reloaded(outcome.ReloadRefused)
		r.log.Warn("the configuration was not reloaded, and the one in use stays: mend what is named here",
			zap.Strings("problems", strings.Split(err.Error(), "\n")))
		return false
	}
	r.gateway.metrics.Reloaded(outcome.ReloadOK)
	r.gateway.metrics.ConfigRead(time.Now())
	for _, warning := range r.Warnings() {
		r.log.Warn(warning.String())
	}
	if len(change.Kept) > 0 {
		r.log.Warn("some keys need a restart for their new values; until then the old ones hold", zap.Strings("keys", change.Kept))
	}
	r.log.Info("configuration reloaded", zap.Strings("changed", change.Changed), zap.Strings("files", r.files.since(before)))
	if slices.Contains(change.Changed, "routes") {
		logRoutes(r.log, r.Config)
	}
	return true
}

func (r *reloader) use(load func() (*config.Loaded, error)) (config.Change, error) {
	next, err := Load(load)
	if err != nil {
		return config.Change{}, err
	}
	loaded := next.loaded
	change, err := loaded.Succeed(r.Config)
	if err != nil {
		return change, err
	}
	level, err := zapcore.ParseLevel(loaded.Config.Log.Level)
	if err != nil {
		return change, err
	}
	if err := r.gateway.use(loaded.Config); err != nil {
		return change, err
	}
	r.Level.SetLevel(level)
	r.connections.SetLimits(r.gateway.limits.use(loaded.Config, r.log))
	logMaintenance(r.Server.Maintenance, loaded.Config.Server.Maintenance, r.log)
	r.Config, r.loaded, r.files = loaded.Config, loaded, next.files
	return change, nil
}
