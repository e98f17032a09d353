package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A frontend's 502 says what failed and what to do about it, under a headline that fits.
func TestFrontendFailureSaysWhatFailed(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = noErrorLog
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, c := range []struct{ upstream, message, advice string }{
		{untrusted.URL, "shows a certificate that is not trusted here.", "SSL_CERT_FILE"},
		{strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS.", "Write http:// instead of https://"},
		{closed.URL, "does not answer. It rejects connections.", "Start it, or correct the route /"},
		{"http://web.invalid:3000", "cannot be found: its name has no address.", "or correct the route / in config.yaml."},
	} {
		transport := NewFrontendTransport(DefaultUpstreamConfig())
		t.Cleanup(transport.CloseIdleConnections)
		s := newStage(t, func(o *Options) { o.Routes[1].Upstream, o.FrontendTransport = c.upstream, transport })
		a := s.get("/", header())
		a.rejected(t, 502, "UPSTREAM_UNREACHABLE")
		if !strings.Contains(a.body, "The web frontend at "+c.upstream+" "+c.message) || !strings.Contains(a.body, c.advice) {
			t.Errorf("%s: %s", c.upstream, a.body)
		}
		page := s.get("/", header("Sec-Fetch-Dest: document"))
		if !strings.Contains(page.body, "<h1>The app cannot be reached right now</h1>") || strings.Contains(page.body, "Spotify") {
			t.Errorf("%s: the page says %s", c.upstream, page.body)
		}
	}
}

func TestSlowFrontendHasItsHeadline(t *testing.T) {
	limits := DefaultUpstreamConfig()
	limits.HeaderTimeout = 20 * time.Millisecond
	transport := NewFrontendTransport(limits)
	t.Cleanup(transport.CloseIdleConnections)
	s := newStage(t, func(o *Options) { o.FrontendTransport = transport })
	s.frontend.answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	page := s.get("/", header("Sec-Fetch-Dest: document"))
	page.rejected(t, 504, "UPSTREAM_TIMEOUT")
	if !strings.Contains(page.body, "<h1>The app took too long</h1>") {
		t.Errorf("the page says %s", page.body)
	}
}

// The proxy of the environment is for Spotify alone.
func TestProxyOfTheEnvironmentIsForSpotify(t *testing.T) {
	if NewTransport(DefaultUpstreamConfig()).Proxy == nil {
		t.Error("Spotify is not asked through the proxy of the environment")
	}
	if NewFrontendTransport(DefaultUpstreamConfig()).Proxy != nil {
		t.Error("frontends are asked through the proxy of the environment")
	}
}

func TestProblemOf(t *testing.T) {
	operation := func(name string, err error) error { return &net.OpError{Op: name, Net: "tcp", Err: err} }
	for _, c := range []struct {
		err  error
		want problem
	}{
		{operation("proxyconnect", operation("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))), problemProxy},
		{operation("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)), problemRejected},
		{operation("dial", os.NewSyscallError("connect", syscall.EHOSTUNREACH)), problemNoRoute},
		{operation("dial", os.NewSyscallError("connect", syscall.ETIMEDOUT)), problemSlowConnection},
		{operation("dial", &net.DNSError{Err: "i/o timeout", Name: "web", IsTimeout: true}), problemSlowConnection},
		{operation("dial", &net.DNSError{Err: "no such host", Name: "web", IsNotFound: true}), problemName},
		{operation("read", os.NewSyscallError("read", syscall.ETIMEDOUT)), problemSlowAnswer},
		{context.DeadlineExceeded, problemSlowAnswer},
		{fmt.Errorf("%w: %w", errBrokenAnswer, errors.New("EOF")), problemBrokenAnswer},
		{operation("read", os.NewSyscallError("read", syscall.ECONNRESET)), problemUnknown},
		{errors.New("http2: client connection lost"), problemUnknown},
	} {
		if got := problemOf(c.err); got != c.want {
			t.Errorf("%v is %d, want %d", c.err, got, c.want)
		}
	}
}
