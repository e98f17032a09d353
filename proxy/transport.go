package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"stagedoor/dial"
	"stagedoor/httperror"
)

// NewTransport returns the transport for upstreams, by a checked configuration. It asks for no compression of its own,
// follows the proxy settings of the environment, replaces connections that have died silently after at most 10 s, and bounds
// everything but bodies: those may stream for as long as they like.
func NewTransport(c UpstreamConfig) dial.Transport {
	return dial.Transport{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.New(c.ConnectTimeout).DialContext,
		HTTP2:                  dial.HTTP2(),
		TLSHandshakeTimeout:    c.ConnectTimeout,
		ResponseHeaderTimeout:  c.HeaderTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    256,
		MaxResponseHeaderBytes: int64(c.MaxHeader),
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}}
}

// answerFailure answers a request that got nothing from its upstream; who it is and what to do are for the message. A
// client that has left gets no answer.
func answerFailure(w http.ResponseWriter, r *http.Request, err error, upstream, advice string) {
	x := exchangeOf(r.Context())
	refusal := failure(x, err, upstream, advice)
	if refusal == nil {
		abandon(x)
	}
	if refusal.Reason == httperror.BodyTooLarge {
		w.Header().Set("Connection", "close") // rather than read what nobody wants
	}
	httperror.Write(w, x.request, refusal)
}

// failure says why a request got nothing from its upstream; nil for a client that has left.
func failure(x *exchange, err error, upstream, advice string) *httperror.Error {
	left := x.request.Context().Err() != nil
	if fault := x.body.blame(x.request.Context()); fault != nil { // the client's doing, not the upstream's
		err, left = fault, errors.Is(fault, errClientLeft)
	}
	var refusal *httperror.Error
	switch {
	case left:
		return nil
	case errors.As(err, &refusal):
		return refusal
	case isTimeout(err):
		return httperror.New(httperror.UpstreamTimeout, fmt.Sprintf("%s took too long to answer. %s", upstream, advice), err)
	default:
		return httperror.New(httperror.UpstreamUnreachable, fmt.Sprintf("%s does not answer. %s", upstream, advice), err)
	}
}

// abandon ends a request whose client has left. The abort keeps net/http from sending an empty 200.
func abandon(x *exchange) {
	x.left = true
	panic(http.ErrAbortHandler)
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout() ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// buffers are what bodies are copied through.
var buffers = &bufferPool{}

// bufferPool implements httputil.BufferPool.
type bufferPool struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get returns a buffer that nobody uses.
func (b *bufferPool) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return make([]byte, bufferSize)
}

// Put takes a buffer back.
func (b *bufferPool) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }
