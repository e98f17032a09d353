package command

import (
	"crypto/tls"
	"net/http"

	"go.uber.org/zap"

	"stagedoor/proxy"
)

// newServer makes the public server, with every limit set. What a request or an answer may take beyond its header is the
// handler's to bound, because some may stream.
func newServer(g *gateway, connections *proxy.Connections, c proxy.ServerConfig, log *zap.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // a TLS-ending proxy may speak HTTP/2 to us
	server := &http.Server{
		Handler: g, Protocols: protocols, MaxHeaderBytes: int(c.MaxHeader),
		ReadHeaderTimeout: c.ReadHeaderTimeout, IdleTimeout: c.KeepaliveTimeout, ConnState: connections.StateChanged,
		TLSConfig:                    &tls.Config{MinVersion: tls.VersionTLS12}, // whatever GODEBUG says
		HTTP2:                        http2Config(c),
		DisableGeneralOptionsHandler: true, // every answer is the gateway's, with its headers
		ErrorLog:                     newRemarks(log),
	}
	if c.TLS.CertFile != "" {
		server.TLSConfig.GetCertificate = g.certificate // so that renewed files are served
	}
	return server
}

// http2Config bounds what one HTTP/2 connection can hold. The rest net/http does by itself: it counts the streams of a client
// that resets them at once (CVE-2023-44487) until their handlers end, and closes a connection whose CONTINUATION frames
// go beyond MaxHeaderBytes (CVE-2023-45288). How long a write may wait is up to proxy.Connections and its answers.
func http2Config(c proxy.ServerConfig) *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: c.MaxStreams,
		// The buffer for a frame is kept as long as its connection. The default is 1 MiB; this is what every client must be
		// content with (RFC 9113 section 4.2).
		MaxReadFrameSize: 16 << 10,
		// A body that waits for its upstream waits in memory, up to here. The default, 1 MiB, is all that a connection has,
		// so that one such body would hold up the others.
		MaxReceiveBufferPerStream: 256 << 10,
	}
}

// boundConnections applies connectionsFor to a configuration.
func boundConnections(c proxy.ServerConfig, log *zap.Logger) proxy.ServerConfig {
	c.MaxConnections = connectionsFor(c.MaxConnections, openFiles(), log)
	return c
}

// connectionsFor keeps half of the files that the process may open for upstreams and Redis: a gateway without a free one can
// answer nothing. Zero openFiles means that there is no knowing.
func connectionsFor(configured, openFiles int, log *zap.Logger) int {
	most := openFiles / 2
	if openFiles == 0 || configured <= most {
		return configured
	}
	log.Warn("the process may open too few files for server.max_connections; it takes as many connections as half of them. "+
		"Raise the limit (ulimit -n), or lower max_connections",
		zap.Int("max_connections", configured), zap.Int("open_files", openFiles), zap.Int("connections", most))
	return most
}
