// Package config reads config.yaml: strictly, with a line and a column for every problem, all of them at once.
package config

import (
	"stagedoor/flows"
	"stagedoor/internal/httperror"
	"stagedoor/internal/tracing"
	"stagedoor/proxy"
	"stagedoor/proxy/live"
	"stagedoor/proxy/quota"
	"stagedoor/session"
	"stagedoor/session/redisstore"
)

// Config is the whole of config.yaml. Each part belongs to the package that uses it; what is defined here is package command's.
type Config struct {
	Server   proxy.ServerConfig    `yaml:"server"`
	Upstream proxy.UpstreamConfig  `yaml:"upstream"`
	Admin    Admin                 `yaml:"admin"`
	Log      Log                   `yaml:"log"`
	Pages    httperror.PagesConfig `yaml:"pages"`
	Spotify  flows.Config          `yaml:"spotify"`
	Session  session.Config        `yaml:"session"`
	Redis    redisstore.Config     `yaml:"redis"`
	Routes   []proxy.Route         `yaml:"routes"`
	Accounts map[string]Account    `yaml:"accounts"`
	Quota    quota.Config          `yaml:"quota"`
	Live     live.Config           `yaml:"live"`
	Tracing  tracing.Config        `yaml:"tracing"`
}

// Admin is the listener for probes and metrics.
type Admin struct {
	// Listen is a host:port; empty turns the listener off.
	Listen string `yaml:"listen"`
	// Pprof adds Go's profiler to it.
	Pprof bool `yaml:"pprof"`
	// Hosts are the names under which it may be asked, besides IP literals and localhost.
	Hosts []string `yaml:"hosts"`
}

// Log says what is written to standard error, and how.
type Log struct {
	// Level is "debug", "info", "warn" or "error".
	Level string `yaml:"level"`
	// Format is "json" or "console".
	Format string `yaml:"format"`
	// AuditFile is a file for the audit lines alone, as JSON and at every level; empty means that they are among the others.
	AuditFile string `yaml:"audit_file"`
}

// Account is a shared account: one stored grant that routes with credentials account:NAME speak for.
type Account struct {
	// APIKeysFile lists the keys of the callers, one a line; empty means a public, read-only route.
	APIKeysFile string `yaml:"api_keys_file"`
}

// Default returns the configuration of an empty config.yaml. It lacks what has no default: the client and a key.
func Default() Config {
	return Config{
		Server:   proxy.DefaultServerConfig(),
		Upstream: proxy.DefaultUpstreamConfig(),
		Admin:    Admin{Listen: "127.0.0.1:9090"},
		Log:      Log{Level: "info", Format: "json"},
		Spotify:  flows.DefaultConfig(),
		Session:  session.DefaultConfig(),
		Redis:    redisstore.DefaultConfig(),
		Routes:   proxy.DefaultRoutes(),
		Quota:    quota.DefaultConfig(),
		Live:     live.DefaultConfig(),
		Tracing:  tracing.DefaultConfig(),
	}
}
