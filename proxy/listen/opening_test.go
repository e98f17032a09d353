package listen

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"stagedoor/proxy"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestWrongOpenings sends what is no request, twice, and wants one warning of each kind.
func TestWrongOpenings(t *testing.T) {
	for _, c := range []struct {
		first, want string
		secure      bool
	}{
		{"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\nGET / HTTP/1.1\r\n\r\n", proxyProtocol, false},
		{"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", proxyProtocol, false},
		{"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n", proxyProtocol, true},
		{"\x16\x03\x01\x02\x00\x01", tlsOnPlain, false},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", plainOnTLS, true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "", false},
		{"SSH-2.0-scanner\r\n", "", false},
		{"SSH-2.0-scanner\r\n", "", true},
	} {
		core, logs := observer.New(zap.WarnLevel)
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		config := proxy.DefaultServerConfig()
		if c.secure {
			config.TLS = proxy.TLSConfig{CertFile: "cert", KeyFile: "key"}
		}
		listener := New(inner, config, zap.New(core))
		server := &http.Server{ConnState: listener.StateChanged, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }()
		for range 2 {
			connection, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(connection, c.first)
			_ = connection.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, connection) // until the server has had enough
			_ = connection.Close()
		}
		_ = server.Close()
		lines := logs.All()
		if c.want == "" && len(lines) != 0 || c.want != "" && (len(lines) != 1 || lines[0].Message != c.want) {
			t.Errorf("%q, TLS %t: the log has %+v", c.first, c.secure, lines)
		}
	}
}
