package metrics

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"stagedoor/internal/outcome"

	"github.com/prometheus/client_golang/prometheus"
)

// methods are the values of the label method. The last stands for methods that no route passes, or that are unknown.
var methods = [...]string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	"other",
}

// classes are the values of the label code.
var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// What the label code says of a call that has no status.
const (
	codeNone     = "none"     // the upstream did not answer
	codeCanceled = "canceled" // no request waited for its answer any more
)

// Requests returns what counts and times the requests of a route; its counters are looked up here, once. A request is
// counted when its answer has ended. Trace is the recorded trace that it belongs to, which becomes the exemplar; "" without one. It is not timed when took is negative: how long a stream lasts says nothing about latency.
func (m *Metrics) Requests(route string) func(method string, status int, took time.Duration, trace string) {
	var counters [len(methods)][len(classes)]prometheus.Counter
	for i, method := range methods {
		for j, class := range classes {
			counters[i][j] = m.requests.WithLabelValues(route, method, class)
		}
	}
	duration := m.requestDuration.WithLabelValues(route)
	return func(method string, status int, took time.Duration, trace string) {
		counters[methodIndex(method)][classIndex(status)].Inc()
		if took >= 0 {
			observe(duration, took, trace)
		}
	}
}

// Upstream returns what counts and times the calls of a route's upstream, by their status or, if there is none, their
// error.
func (m *Metrics) Upstream(route string) func(status int, err error, took time.Duration, trace string) {
	var counters [len(classes)]prometheus.Counter
	for i, class := range classes {
		counters[i] = m.upstream.WithLabelValues(route, class)
	}
	none, canceled := m.upstream.WithLabelValues(route, codeNone), m.upstream.WithLabelValues(route, codeCanceled)
	duration := m.upstreamDuration.WithLabelValues(route)
	return func(status int, err error, took time.Duration, trace string) {
		switch {
		case err == nil:
			counters[classIndex(status)].Inc()
		case errors.Is(err, context.Canceled):
			canceled.Inc()
		default:
			none.Inc()
		}
		observe(duration, took, trace)
	}
}

// observe times something, with its trace as the exemplar when one is recorded.
func observe(duration prometheus.Observer, took time.Duration, trace string) {
	if trace == "" {
		duration.Observe(took.Seconds())
		return
	}
	duration.(prometheus.ExemplarObserver).ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": trace})
}

// Replayed counts a call that is sent again after a 401.
func (m *Metrics) Replayed(cause outcome.Replay) { m.replays.inc(cause) }

// RateLimited counts a request that is answered with 429.
func (m *Metrics) RateLimited() { m.rateLimited.Inc() }

// NotAdmitted counts a request that was rejected before anything was done for it, by what it met.
func (m *Metrics) NotAdmitted(limit outcome.Limit) { m.notAdmitted.inc(limit) }

// AddInFlight lets every scrape ask how many requests are served, and how many may be. It must be called at most once.
func (m *Metrics) AddInFlight(read func() (now, limit int64)) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "requests_in_flight", Help: "Requests that are being served, without streams.",
		}, func() float64 { now, _ := read(); return float64(now) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "requests_in_flight_limit",
			Help: "Requests that may be served at a time; one more is answered with 503. 0 is no limit.",
		}, func() float64 { _, limit := read(); return float64(limit) }))
}

// StreamBegun counts an answer of unannounced length, StreamEnded its end.
func (m *Metrics) StreamBegun() { m.streams.Inc() }

// StreamEnded follows each StreamBegun.
func (m *Metrics) StreamEnded() { m.streams.Dec() }

// StreamLasted times a WebSocket or a stream of server-sent events, when it has ended.
func (m *Metrics) StreamLasted(route string, took time.Duration) {
	m.streamDuration.WithLabelValues(route).Observe(took.Seconds())
}

func methodIndex(method string) int {
	if i := slices.Index(methods[:], method); i >= 0 {
		return i
	}
	return len(methods) - 1
}

// classIndex counts an answer that was never begun, which has no status, as a 5xx.
func classIndex(status int) int {
	if status < 100 || status > 599 {
		return len(classes) - 1
	}
	return status/100 - 1
}
