package token

import (
	"net/http"
	"time"

	"stagedoor/internal/dial"
	"stagedoor/internal/tracing"
	"stagedoor/secret"
)

// connectTimeout bounds the making of a connection, and once more its TLS handshake.
const connectTimeout = 10 * time.Second

// dialect adapts x/oauth2 to what Spotify documents: Basic is base64(id:secret), where RFC 6749 section 2.3.1 would have
// both percent-encoded first, and an answer is JSON, whatever it calls itself.
type dialect struct {
	next   http.RoundTripper
	id     string
	secret secret.Text
}

func (d dialect) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" {
		r = r.Clone(r.Context())
		r.SetBasicAuth(d.id, d.secret.Reveal())
	}
	answer, err := d.next.RoundTrip(r)
	if err == nil {
		answer.Header.Set("Content-Type", "application/json")
	}
	return answer, err
}

// NewHTTPClient returns a client that follows no redirect: a 307 would carry the secrets to another host. Its requests are steps
// of this name in a trace.
func NewHTTPClient(step string) *http.Client {
	transport := newTransport()
	transport.IdleConnTimeout = 90 * time.Second
	return newHTTPClient(step, transport)
}

func newHTTPClient(step string, transport dial.Transport) *http.Client {
	return &http.Client{
		Transport:     tracing.Transport{Step: step, Next: transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newTransport() dial.Transport {
	return dial.NewTransport(&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.New(connectTimeout).DialContext,
		HTTP2:                  dial.HTTP2(),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        dial.IdleTimeout,
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	})
}
