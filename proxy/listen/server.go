package listen

import (
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"

	"stagedoor/proxy"
)

// Certificate returns the certificate of the public listener; see tls.Config.GetCertificate.
type Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// NewServer makes the public server, by a checked configuration and with every limit set. The handler bounds what follows the
// header of a request or an answer, because some may stream. The certificate is asked for at each handshake, so that renewed
// files are served; it is not used without server.tls. The messages of net/http go to errorLog.
func NewServer(handler http.Handler, connections *Connections, c proxy.ServerConfig, certificate Certificate, errorLog *log.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // a TLS-ending proxy may speak HTTP/2 to us
	server := &http.Server{
		Handler: handler, Protocols: protocols, MaxHeaderBytes: int(c.MaxHeader),
		ReadHeaderTimeout: c.ReadHeaderTimeout, IdleTimeout: c.KeepaliveTimeout, ConnState: connections.StateChanged,
		TLSConfig:                    &tls.Config{MinVersion: tls.VersionTLS12}, // whatever GODEBUG says
		HTTP2:                        http2Config(c),
		DisableGeneralOptionsHandler: true, // every answer is the gateway's, with its headers
		ErrorLog:                     errorLog,
	}
	if c.TLS.CertFile != "" {
		server.TLSConfig.GetCertificate = certificate
	}
	return server
}

// http2Config bounds what one HTTP/2 connection can hold. The rest net/http does by itself: it counts the streams of a client
// that resets them at once (CVE-2023-44487) until their handlers end, and closes a connection with CONTINUATION frames
// beyond MaxHeaderBytes (CVE-2023-45288). Connections and its answers bound how long a write may wait.
func http2Config(c proxy.ServerConfig) *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: c.MaxStreams,
		// The buffer for a frame is kept as long as its connection. The default is 1 MiB; this is what every client must be
		// content with (RFC 9113 section 4.2).
		MaxReadFrameSize: 16 << 10,
		// A body that waits for its upstream is buffered in memory, up to here. The default, 1 MiB, is the whole buffer of a
		// connection, so that one such body would block the others.
		MaxReceiveBufferPerStream: 256 << 10,
	}
}

// Serve serves until the server is closed, which is not an error.
func Serve(server *http.Server, listener net.Listener) error {
	var err error
	if server.TLSConfig != nil && server.TLSConfig.GetCertificate != nil {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
