package proxy

import (
	"cmp"
	"net/http"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
	"stagedoor/proxy/policy"
)

// Metrics is what this package reports of its requests. Requests and Upstream are called once for each route, and what
// they return with every request. All methods, and what they return, are safe for concurrent use.
type Metrics interface {
	// Requests returns what observes the answered requests of a route.
	Requests(route string) func(method string, status int, took time.Duration, trace string)
	// Upstream returns what observes the calls of a route's upstream, by their status or else their error.
	Upstream(route string) func(status int, err error, took time.Duration, trace string)
	// Replayed counts a call that is sent again after a 401.
	Replayed(cause outcome.Replay)
	// Answered counts a request on a credentialed route by where its answer came from.
	Answered(from outcome.Answer)
	// RateLimited counts a request that is answered with 429, by Spotify or the gateway.
	RateLimited()
	// Rejected counts an answer that says that something is wrong, by its reason; the log has its line under requestID.
	Rejected(reason, route string, status int, requestID string)
	// NotAdmitted counts a request that was rejected before anything was done for it, by what it met.
	NotAdmitted(limit outcome.Limit)
	// StreamLasted times a WebSocket or a stream of server-sent events, instead of what Requests returns, which gets a
	// negative time for it.
	StreamLasted(route string, took time.Duration)
	// StreamBegun and StreamEnded count an answer of unannounced length.
	StreamBegun()
	StreamEnded()
}

// routeNone is the route of requests that no route takes.
const routeNone = "none"

// report counts a request after its answer has ended.
func (g *Gateway) report(w *responseWriter, x *exchange) {
	status := finalStatus(w, x)
	took := x.took
	if w.lasting {
		g.metrics.StreamLasted(cmp.Or(x.route, routeNone), took)
		took = -1
	}
	x.count(x.request.Method, status, took, x.span.TraceID())
	g.reportProblem(status, x)
	if x.rejection != nil && (x.rejection.Reason == httperror.RateLimited || x.rejection.Reason == httperror.QuotaExceeded) {
		g.metrics.RateLimited()
	}
	if x.rejection != nil {
		if limit, met := limits[x.rejection.Reason]; met {
			g.metrics.NotAdmitted(limit)
		}
	}
	if w.stream {
		g.metrics.StreamEnded()
	}
}

// brokenOff is the reason of an answer that its upstream did not finish.
const brokenOff = "answer broken off"

// reportProblem reports what an operator should know: what has a log line above the usual level, and what the gateway rejects
// because of rate limits.
func (g *Gateway) reportProblem(status int, x *exchange) {
	reason := ""
	if x.rejection != nil {
		reason = x.rejection.Reason
	}
	if accessLevel(status, reason, x.brokenOff) < zap.WarnLevel && (reason != httperror.RateLimited || x.left) {
		return
	}
	g.metrics.Rejected(cmp.Or(reason, brokenOff), cmp.Or(x.route, routeNone), status, x.id)
}

// isStream tells whether an answer ends when its sender says so: the header announces no length, or leads to another
// protocol.
func isStream(status int, h http.Header) bool {
	switch status {
	case http.StatusSwitchingProtocols:
		return true
	case http.StatusNoContent, http.StatusNotModified:
		return false
	default:
		return len(h["Content-Length"]) == 0
	}
}

// isLasting tells whether an answer goes on for as long as its two sides like: a WebSocket, or a stream of server-sent events.
func isLasting(status int, h http.Header) bool {
	return status == http.StatusSwitchingProtocols || policy.IsEventStream(h)
}

// noMetrics reports nothing.
type noMetrics struct{}

func (noMetrics) Requests(string) func(string, int, time.Duration, string) {
	return func(string, int, time.Duration, string) {}
}

func (noMetrics) Upstream(string) func(int, error, time.Duration, string) {
	return func(int, error, time.Duration, string) {}
}

func (noMetrics) Replayed(outcome.Replay)            {}
func (noMetrics) Answered(outcome.Answer)            {}
func (noMetrics) NotAdmitted(outcome.Limit)          {}
func (noMetrics) RateLimited()                       {}
func (noMetrics) StreamLasted(string, time.Duration) {}

func (noMetrics) StreamBegun() {}
func (noMetrics) StreamEnded() {}

func (noMetrics) Rejected(string, string, int, string) {}
