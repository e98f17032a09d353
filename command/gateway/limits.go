package gateway

import (
	"go.uber.org/zap"

	"stagedoor/config"
	"stagedoor/proxy"
	"stagedoor/proxy/limit"
)

// limits are what the gateway takes on, which all generations share.
type limits struct {
	resources limit.Resources
	inFlight  limit.InFlight
	clients   limit.Clients
}

// capacity is what the gateway can take on by a configuration.
func (l *limits) capacity(c config.Config) limit.Capacity {
	return l.resources.Capacity(c.Server.MaxConnections, c.Server.MaxInFlight, c.Server.TLS.CertFile != "")
}

// use takes the limits of a configuration into use and logs what they are. It returns the configuration of the public listener, with
// as many connections as there may be.
func (l *limits) use(c config.Config, log *zap.Logger) proxy.ServerConfig {
	capacity, server := l.capacity(c), c.Server
	l.inFlight.Configure(capacity)
	l.clients.Configure(server.ClientRate.Limits())
	capacity.Explain(l.resources, server.MaxConnections, server.MaxInFlight, log)
	server.MaxConnections = capacity.Connections
	return server
}

// logMaintenance tells that a maintenance begins or ends.
func logMaintenance(before, now string, log *zap.Logger) {
	switch {
	case now != "" && now != before:
		log.Warn("server.maintenance is set: every request but those of /auth/session is answered with 503 and its text", zap.String("text", now))
	case now == "" && before != "":
		log.Info("server.maintenance is empty: requests are served again")
	}
}
