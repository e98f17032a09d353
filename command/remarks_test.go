package command

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/proxy"
	"stagedoor/proxy/listen"
)

// What net/http says of an upstream that goes on behind its answer.
const remark = "Unsolicited response received on idle HTTP channel starting with %q; err=%v"

func TestRemarksQuoteNobody(t *testing.T) {
	t.Cleanup(func() {
		log.SetFlags(log.LstdFlags)
		log.SetOutput(os.Stderr)
	})
	core, logs := observer.New(zap.DebugLevel)
	takeRemarks(zap.New(core))
	log.Printf(remark, `{"access_token":"BQ-a-token"}`, nil)
	newRemarks(zap.New(core)).Printf("bogus greeting %q", "GET /?code=AQ-a-code")
	lines := logs.All()
	if len(lines) != 2 || !strings.HasSuffix(lines[0].Message, "starting with [redacted]; err=<nil>") ||
		lines[1].Message != "bogus greeting [redacted]" {
		t.Fatalf("the log is %+v", lines)
	}
	for _, line := range lines {
		if line.LoggerName != "http" || strings.ContainsAny(line.Message, "\n\"") {
			t.Errorf("%+v", line)
		}
	}
}

func TestRemarkLevel(t *testing.T) {
	for said, want := range map[string]zapcore.Level{
		"http: TLS handshake error from 192.0.2.1:4711: EOF":                                   zap.DebugLevel,
		"http2: server: error reading preface from client 192.0.2.1:4711: timeout":             zap.DebugLevel,
		"http: Accept error: accept tcp: too many open files; retrying in 5ms":                 zap.WarnLevel,
		"http: superfluous response.WriteHeader call from main.main":                           zap.WarnLevel,
		"Unsolicited response received on idle HTTP channel starting with ":                    zap.WarnLevel,
		"http: panic serving 192.0.2.1:4711: runtime error: index out of range\ngoroutine 1\n": zap.ErrorLevel,
	} {
		if got := remarkLevel(said); got != want {
			t.Errorf("%q is %v, want %v", said, got, want)
		}
	}
}

// TestScannersAreQuiet has the public server hear what scanners send, and wants no line above debug, and one at that.
func TestScannersAreQuiet(t *testing.T) {
	noted := make(chan zapcore.Entry, 100)
	core, _ := observer.New(zap.DebugLevel)
	log := zap.New(core, zap.Hooks(func(e zapcore.Entry) error { noted <- e; return nil }))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := proxy.DefaultServerConfig()
	secured := c
	secured.TLS = proxy.TLSConfig{CertFile: "the certificate below"}
	connections := listen.New(listener, secured, log)
	server := listen.NewServer(&gateway{}, connections, c, new(gateway).certificate, newRemarks(log)) // which never gets a request
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
		case line := <-noted:
			if line.Level != zap.DebugLevel || line.LoggerName != "http" {
				t.Errorf("%q: the log has %+v", words, line)
			}
		case <-late.Done():
			t.Errorf("%q left no line", words)
		}
		cancel()
	}
}
