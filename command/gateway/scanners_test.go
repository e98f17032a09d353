package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/command/logging"
	"stagedoor/proxy"
	"stagedoor/proxy/listen"
)

// TestScannersAreQuiet has the public server hear what scanners send, and wants no line above debug, and one at that.
func TestScannersAreQuiet(t *testing.T) {
	logged := make(chan zapcore.Entry, 100)
	core, _ := observer.New(zap.DebugLevel)
	log := zap.New(core, zap.Hooks(func(e zapcore.Entry) error { logged <- e; return nil }))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := proxy.DefaultServerConfig()
	secured := c
	secured.TLS = proxy.TLSConfig{CertFile: "the certificate below"}
	connections := listen.New(listener, secured, log)
	server := listen.NewServer(&gateway{}, connections, c, new(gateway).certificate, logging.Standard(log)) // which never gets a request
	server.TLSConfig.Certificates = []tls.Certificate{selfSigned(t, 1)}
	go func() { _ = server.ServeTLS(connections, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	for _, words := range []string{"\x16\x03\x01 no handshake", "SSH-2.0-scanner\r\n"} {
		dialer := net.Dialer{}
		connection, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(connection, words)
		_ = connection.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, connection) // until the server has had enough
		_ = connection.Close()
		late, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		select {
		case line := <-logged:
			if line.Level != zap.DebugLevel || line.LoggerName != "http" {
				t.Errorf("%q: the log has %+v", words, line)
			}
		case <-late.Done():
			t.Errorf("%q left no line", words)
		}
		cancel()
	}
}
