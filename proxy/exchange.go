package proxy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/httperror"
	"stagedoor/internal/tracing"
	"stagedoor/proxy/limit"
	"stagedoor/proxy/policy"
	"stagedoor/proxy/quota"
)

// ownHeaders is how many headers of the gateway's own an answer seldom exceeds.
const ownHeaders = 4

// exchange is what is known of one request beside the request itself: what the access line will say. It belongs to the
// goroutine that serves the request.
type exchange struct {
	pages     *httperror.Pages
	request   *http.Request // as it came in, with a context that leads back here
	id        string
	peer      policy.Peer
	started   time.Time
	route     string           // the path prefix of the route that served it
	call      *call            // on a credentialed route, once it is resolved
	session   string           // the session's label, once it is known
	upstream  time.Duration    // spent waiting for upstream headers, all attempts together
	body      *clientBody      // what streams from the client to the upstream; nil for nothing
	rejection *httperror.Error // what the gateway itself answered with; nil when it did not
	failed    error            // why the reverse proxy got nothing from the upstream
	cache     quota.From       // where an answer of Spotify's came from; empty when there is none
	live      bool             // the answer was a stream of server-sent events
	events    int              // how many of them were sent
	brokenOff error            // what ended the answer early, after its header was sent
	left      bool             // the client went away before there was an answer
	place     limit.Place      // among the requests of a time
	took      time.Duration
	span      tracing.Span // of the request; not recorded without a collector
	// goOn has the answer go on when the request has been dispatched, and calls finish at its end: before it returns, or later on
	// a connection that was taken over. It is nil otherwise.
	goOn func(finish func())
	// count is of the route that serves it; see Metrics.Requests.
	count func(method string, status int, took time.Duration, trace string)
}

// ended keeps why an answer ended early; err is of reading its body.
func (x *exchange) ended(err error) {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		x.brokenOff = err
	}
}

type exchangeKey struct{}

// exchangeOf returns the exchange that ServeHTTP has begun.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// ServeHTTP serves one request of the public listener.
func (g *Gateway) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	x := &exchange{pages: g.pages, peer: g.trusted.Peer(r), started: g.now(), count: g.countUnrouted}
	x.id = requestID(r, x.peer.Trusted)
	ctx := context.WithValue(r.Context(), exchangeKey{}, x)
	ctx, x.span = g.tracer.Request(ctx, r.Header)
	r = r.WithContext(ctx)
	r.URL = policy.Respell(r.URL)
	x.request = r
	w := &responseWriter{ResponseWriter: rw, dropEarly: policy.DropReserved, streamBegun: g.metrics.StreamBegun}
	w.own = append(append(make([]policy.Field, 0, ownHeaders), g.own...), policy.Field{Name: policy.RequestIDHeader, Values: []string{x.id}})
	g.boundClient(w, r)
	if r.ProtoAtLeast(1, 1) { // an older client, such as a proxy, takes the first header for the last (RFC 9110 section 15.2)
		w.early = maxEarly
	}

	defer w.end()
	defer func() {
		cause := recover()
		if cause != nil {
			cause = g.survive(w, x, cause)
		}
		if x.goOn != nil && cause == nil {
			x.goOn(func() { g.finish(w, x) })
			return
		}
		g.finish(w, x)
		if cause != nil {
			panic(cause)
		}
	}()
	switch err := g.dispatch(w, r, x); {
	case errors.Is(err, errClientLeft):
		x.left = true
		panic(http.ErrAbortHandler) // or net/http would send an empty 200
	case err != nil:
		x.reject(w, err)
	}
	if w.status == 0 { // net/http would send it too, but without what is ours
		w.WriteHeader(http.StatusOK)
	}
}

// finish counts and logs a request whose answer has ended, and gives its place back.
func (g *Gateway) finish(w *responseWriter, x *exchange) {
	defer x.place.Leave()
	x.took = g.now().Sub(x.started)
	g.report(w, x)
	g.logAccess(w, x)
	x.endSpan(finalStatus(w, x))
}

// reject answers with an error when nothing has been sent, and keeps it for the access line.
func (x *exchange) reject(w *responseWriter, err error) {
	x.rejection = httperror.From(err)
	if unread(x) {
		w.Header().Set("Connection", "close") // rather than read the rest of the body before the answer is sent
	}
	x.pages.Write(w, x.request, x.rejection, x.id)
}

// unread tells whether a request was rejected because of its size or before anything was done with it, and has a body.
func unread(x *exchange) bool {
	_, met := limits[x.rejection.Reason]
	return x.rejection.Reason == httperror.BodyTooLarge || met && x.request.ContentLength != 0
}

// keepFailure is a reverse proxy's ErrorHandler: the route answers once the reverse proxy has returned.
func keepFailure(_ http.ResponseWriter, r *http.Request, err error) {
	exchangeOf(r.Context()).failed = err
}

// boundClient bounds how long a slow client can delay a request. The body has a deadline even if no handler reads it:
// net/http reads some of what is left before it answers.
func (g *Gateway) boundClient(w *responseWriter, r *http.Request) {
	if r.ProtoMajor >= 2 {
		w.stall = g.limits.WriteStallTimeout
	}
	if r.Body != nil && r.Body != http.NoBody {
		_ = w.SetReadDeadline(time.Now().Add(g.limits.ReadBodyTimeout)) // a recorder in a test has none
	}
}

// survive turns a panic into an answer and returns nil, or into the abort of an answer that has begun. An intended
// abort stays one.
func (g *Gateway) survive(w *responseWriter, x *exchange, cause any) any {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return http.ErrAbortHandler
	}
	text := describePanic(cause)
	if line := g.log.Check(zap.ErrorLevel, "panic"); line != nil {
		line.Stack = string(debug.Stack())
		line.Write(zap.String("request_id", x.id), zap.String("error", text))
	}
	err := httperror.From(fmt.Errorf("panic: %s", text))
	if w.status != 0 {
		x.rejection = err
		return http.ErrAbortHandler
	}
	clear(w.Header())
	x.reject(w, err)
	return nil
}

// describePanic describes a panic: by the text of Go's runtime, which has numbers and types alone, or else by its type. The
// text of a library may quote its input, such as a token, and the stack shows the line anyway.
func describePanic(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return bounded(err.Error(), maxLogged)
	}
	return fmt.Sprintf("a %T", cause)
}

// requestID keeps the id that a trusted proxy gave, so that one request has one id in all logs, or makes one.
func requestID(r *http.Request, trusted bool) string {
	if given := r.Header[policy.RequestIDHeader]; trusted && len(given) == 1 && saneID(given[0]) {
		return given[0]
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return string(hex.AppendEncode(make([]byte, 0, 2*len(id)), id[:]))
}

func saneID(id string) bool {
	for i := range len(id) {
		c := id[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		if !letter && !digit && c != '-' && c != '_' && c != '.' && c != ':' && c != '/' && c != '+' && c != '=' && c != '@' {
			return false
		}
	}
	return id != "" && len(id) <= 128
}
