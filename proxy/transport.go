package proxy

import (
	"net/http"
	"sync"
	"time"

	"stagedoor/internal/dial"
	"stagedoor/internal/tracing"
)

// NewTransport returns the transport for Spotify, by a checked configuration. It asks for no compression of its own,
// follows the proxy settings of the environment, replaces connections that have died silently after at most 10 s, and bounds
// everything but bodies: those may stream for as long as they like.
func NewTransport(c UpstreamConfig) dial.Transport {
	return dial.NewTransport(&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.New(c.ConnectTimeout).DialContext,
		HTTP2:                  dial.HTTP2(),
		TLSHandshakeTimeout:    c.ConnectTimeout,
		ResponseHeaderTimeout:  c.HeaderTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        dial.IdleTimeout,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    256,
		MaxResponseHeaderBytes: int64(c.MaxHeader),
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	})
}

// NewFrontendTransport is NewTransport for web frontends: they are near, and the proxy of the environment is not for them.
func NewFrontendTransport(c UpstreamConfig) dial.Transport {
	t := NewTransport(c)
	t.Proxy = nil
	t.IdleConnTimeout = 90 * time.Second // of HTTP/1.1: some servers close theirs after that, and a request may just miss it
	return t
}

// buffers are what bodies are copied through.
var buffers = &bufferPool{}

// bufferPool implements httputil.BufferPool.
type bufferPool struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get returns a buffer that is not in use.
func (b *bufferPool) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return make([]byte, bufferSize)
}

// Put takes a buffer back.
func (b *bufferPool) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }

// meter adds up how long an exchange waits for its upstream: until the header is there, over all attempts. Each attempt
// is reported.
type meter struct {
	next    http.RoundTripper
	now     func() time.Time
	observe func(status int, err error, took time.Duration, trace string) // see Metrics.Upstream
}

// newMeter makes the meter of a route's upstream. Its answers may be read by a goroutine: see detacher.
func newMeter(route Route, p parts, next http.RoundTripper) meter {
	return meter{next: tracing.Transport{Next: detacher{next}, Step: "upstream", Propagate: true}, now: p.Now, observe: p.Metrics.Upstream(route.Path)}
}

// RoundTrip implements http.RoundTripper.
func (m meter) RoundTrip(r *http.Request) (*http.Response, error) {
	begun := m.now()
	res, err := m.next.RoundTrip(r)
	took, status := m.now().Sub(begun), 0
	x := exchangeOf(r.Context())
	x.upstream += took
	if err == nil {
		status = res.StatusCode
	}
	m.observe(status, err, took, x.span.TraceID())
	if err == nil && res.Request == nil { // a transport that is not net/http's may leave it out
		res.Request = r
	}
	return res, err
}
