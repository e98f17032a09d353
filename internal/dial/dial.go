// Package dial makes the connections to other servers, so that a connection which has died silently (no FIN and no RST
// arrive, and packets vanish) is noticed after at most 10 s, instead of after the minutes that TCP takes by default.
package dial

import (
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	// quiet is how long a connection may receive nothing before it is probed.
	quiet = 5 * time.Second
	// unanswered is how long a probe may stay unanswered before the connection counts as dead.
	unanswered = 4 * time.Second
	// probes is how many keep-alive probes TCP sends in that time.
	probes = 4
)

// New returns a dialer whose connections end, with an error, at most 10 s after the peer has fallen silent: idle ones by
// keep-alive probes, and ones with data on the way by TCP_USER_TIMEOUT (RFC 5482), which exists on Linux only. The timeout
// bounds the making of a connection. The dialer is safe for concurrent use.
func New(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: quiet, Interval: unanswered / probes, Count: probes,
		},
		Control: func(_, _ string, c syscall.RawConn) error { return c.Control(limitSilence) },
	}
}

// HTTP2 returns the settings with which a connection that answers no PING (RFC 9113 section 6.7) is closed at most 10 s
// after its last frame, whether requests wait on it or not. TCP alone cannot tell: a proxy or a frozen server may
// acknowledge what it never answers.
func HTTP2() *http.HTTP2Config {
	return &http.HTTP2Config{SendPingTimeout: quiet, PingTimeout: unanswered}
}
