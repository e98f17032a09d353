// Package metrics counts and times what the gateway does, for Prometheus. The other packages say what they need of it in
// interfaces of their own, so that none of them knows Prometheus.
//
// Every label has few values, which the configuration or the code fixes: routes by their prefix, methods, classes of
// status codes, operations, results. No label is a path, a user, or anything else that a client may choose.
package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stagedoor/internal/outcome"
)

// namespace begins every name but those of Go's runtime (go_) and of the process (process_).
const namespace = "stagedoor"

var (
	// durationBuckets are seconds, from what a healthy upstream takes to what no client waits for any more.
	durationBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	// streamBuckets are seconds, up to a day.
	streamBuckets = []float64{1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600}
	// storeBuckets begin lower: a store nearby answers within a millisecond.
	storeBuckets = append([]float64{0.0005, 0.001, 0.0025}, durationBuckets...)
)

// Metrics are one process's metrics, in registries of their own. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry // what is ours
	runtime  *prometheus.Registry // what Go and the system tell, which costs more than ours to gather

	requests         *prometheus.CounterVec
	requestDuration  *prometheus.HistogramVec
	streamDuration   *prometheus.HistogramVec
	upstream         *prometheus.CounterVec
	upstreamDuration *prometheus.HistogramVec
	streams          prometheus.Gauge
	replays          counter[outcome.Replay]
	rateLimited      prometheus.Counter
	answers          counter[outcome.Answer]
	notAdmitted      counter[outcome.Limit]

	logins          counter[outcome.Login]
	logouts         counter[outcome.Logout]
	refreshes       counter[outcome.Refresh]
	sessionEnds     counter[outcome.End]
	refreshDuration prometheus.Histogram

	storeErrors   *prometheus.CounterVec
	storeDuration *prometheus.HistogramVec
	ready         *prometheus.GaugeVec
	watching      prometheus.Gauge
	certificate   prometheus.Gauge

	failures      failures
	store, tokens health

	live live

	reloads  counter[outcome.Reload]
	reloaded prometheus.Gauge
}

// New makes the metrics of the build that runs. What is counted by a result or a cause is there from the start, at zero:
// a counter that appears with its first event hides that event from increase() and rate().
func New(version, commit string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), runtime: prometheus.NewRegistry()}
	m.runtime.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.addTraffic()
	m.addSessions()
	m.addLive()
	m.addReadiness()
	m.addReloads()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels say which build runs.",
	}, []string{"version", "commit", "go_version"})
	build.WithLabelValues(version, commit, runtime.Version()).Set(1)
	m.registry.MustRegister(build)
	return m
}

// Handler answers a scrape. Exemplars, which name traces, are in the answer to a scraper that accepts OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.all(), promhttp.HandlerOpts{EnableOpenMetrics: true})
}

func (m *Metrics) all() prometheus.Gatherer { return prometheus.Gatherers{m.registry, m.runtime} }

// addTraffic makes what the way of a request reports.
func (m *Metrics) addTraffic() {
	m.requests = m.counters("http_requests_total",
		"Requests of the public listener by route, method and class of the answer's status. A client that left before there was an answer is a 4xx.",
		"route", "method", "code")
	m.requestDuration = m.histograms("http_request_duration_seconds",
		"Seconds from a request's header to the end of its answer. WebSockets and streams of server-sent events are left out.",
		durationBuckets, "route")
	m.streamDuration = m.histograms("stream_duration_seconds",
		"Seconds that WebSockets and streams of server-sent events lasted.", streamBuckets, "route")
	m.upstream = m.counters("upstream_requests_total",
		"Calls of a route's upstream by class of the status; none is a call without an answer, canceled one whose client left.",
		"route", "code")
	m.upstreamDuration = m.histograms("upstream_request_duration_seconds",
		"Seconds from the call of a route's upstream to the header of its answer.", durationBuckets, "route")
	m.replays = outcomes[outcome.Replay](m, "replays_total",
		"Calls sent again after a 401 of the Web API: with another token when it blamed the token, with the same when it was spurious.",
		"cause")
	m.rateLimited = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "rate_limited_total",
		Help: "Requests answered with 429 because of Spotify's rate limits or the gateway's own.",
	})
	m.answers = outcomes[outcome.Answer](m, "api_answers_total",
		"Requests on routes with credentials by where the answer came from: a call of Spotify, the cache, a call that found the kept answer still so, another request's call, a stale answer while calls are scarce, or refused because they are.",
		"from")
	m.notAdmitted = outcomes[outcome.Limit](m, "requests_rejected_total",
		"Requests that were rejected before anything was done for them: OVERLOADED, CLIENT_RATE or MAINTENANCE.", "reason")
	m.streams = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "active_streams",
		Help: "Answers under way whose end is not announced: without a Content-Length, or on a connection that switched protocols, such as a WebSocket.",
	})
	m.registry.MustRegister(m.rateLimited, m.streams)
}

// addSessions makes what logins, tokens and the session store report.
func (m *Metrics) addSessions() {
	m.logins = outcomes[outcome.Login](m, "logins_total",
		"Logins that came back from the consent page: ok, denied by the user, refused, or unavailable when something they need was down.",
		"result")
	m.logouts = outcomes[outcome.Logout](m, "logouts_total",
		"Sessions that users asked to end: ok, refused, or unavailable when the session store was down.", "result")
	m.sessionEnds = outcomes[outcome.End](m, "session_ends_total",
		"Sessions that ended, by the reason, as far as it is known; one that nobody asks for again is not counted.", "reason")
	m.refreshes = outcomes[outcome.Refresh](m, "token_refreshes_total",
		"Refreshes of a token by what became of them; lost is a new token that could not be written.", "result")
	m.refreshDuration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "token_refresh_duration_seconds", Buckets: durationBuckets,
		Help: "Seconds that a refresh waited for the token endpoint, its turn included.",
	})
	m.registry.MustRegister(m.refreshDuration)
	m.storeErrors = m.counters("store_errors_total", "Operations that the session store did not answer.", "operation")
	m.storeDuration = m.histograms("store_duration_seconds",
		"Seconds that an operation of the session store took, answered or not.", storeBuckets, "operation")
}

// addReadiness makes what the gateway's own checks of its parts report.
func (m *Metrics) addReadiness() {
	m.ready = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "ready",
		Help: "1 when a part works, 0 when it does not: the session store, its room for the sessions of new logins, the writing of audit lines. Checked every 5 s, whether requests come or not.",
	}, []string{"part"})
	for _, part := range outcome.All[outcome.Part]() {
		m.ready.WithLabelValues(part.String())
	}
	m.watching = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "store_watching",
		Help: "1 while the session store tells this replica of changes; 0 when every request has to ask it.",
	})
	m.certificate = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "certificate_expiry_timestamp_seconds",
		Help: "When the certificate of server.tls expires, in seconds since 1970; 0 without one.",
	})
	m.registry.MustRegister(m.ready, m.watching, m.certificate)
}

// Ready records whether a part works.
func (m *Metrics) Ready(part outcome.Part, ready bool) {
	m.ready.WithLabelValues(part.String()).Set(number(ready))
}

// Watching records whether the session store reports changes.
func (m *Metrics) Watching(watching bool) { m.watching.Set(number(watching)) }

// CertificateExpires records when the certificate of the public listener expires; zero when it has none.
func (m *Metrics) CertificateExpires(at time.Time) {
	if at.IsZero() {
		m.certificate.Set(0)
		return
	}
	m.certificate.Set(float64(at.Unix()))
}

// number is 1 for true.
func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// addReloads makes what the process reports about its configuration.
func (m *Metrics) addReloads() {
	m.reloads = outcomes[outcome.Reload](m, "config_reloads_total",
		"Attempts to take a new configuration into use: ok, or refused when it has a problem and changed nothing.", "result")
	m.reloaded = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "config_last_reload_success_timestamp_seconds",
		Help: "When the configuration in use was read, at the start or later, in seconds since 1970.",
	})
	m.registry.MustRegister(m.reloaded)
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(vec)
	return vec
}

func (m *Metrics) histograms(name, help string, buckets []float64, label string) *prometheus.HistogramVec {
	opts := prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}
	vec := prometheus.NewHistogramVec(opts, []string{label})
	m.registry.MustRegister(vec)
	return vec
}

// counter is a counter by the values of a type of package outcome.
type counter[V outcome.Value] []prometheus.Counter

// outcomes makes a counter for each value of its one label.
func outcomes[V outcome.Value](m *Metrics, name, help, label string) counter[V] {
	vec := m.counters(name, help, label)
	var counters counter[V]
	for _, value := range outcome.All[V]() {
		counters = append(counters, vec.WithLabelValues(value.String()))
	}
	return counters
}

func (c counter[V]) inc(value V) { c[value].Inc() }

// LoggedIn counts a login that came back.
func (m *Metrics) LoggedIn(result outcome.Login) { m.logins.inc(result) }

// LoggedOut counts a logout.
func (m *Metrics) LoggedOut(result outcome.Logout) { m.logouts.inc(result) }

// Refreshed counts a refresh by its result, and observes how long the token endpoint took.
func (m *Metrics) Refreshed(result outcome.Refresh, took time.Duration, trace string) {
	m.refreshes.inc(result)
	observe(m.refreshDuration, took, trace)
	m.observeTokens(result)
}

// SessionEnded counts a session that has ended, by its reason.
func (m *Metrics) SessionEnded(reason outcome.End) { m.sessionEnds.inc(reason) }

// ConfigRead records when the configuration in use was read.
func (m *Metrics) ConfigRead(at time.Time) { m.reloaded.Set(float64(at.UnixMilli()) / 1000) }

// Reloaded counts an attempt to take a new configuration into use.
func (m *Metrics) Reloaded(result outcome.Reload) { m.reloads.inc(result) }

// LogQueue shows how many log lines were dropped so far, and how many bytes of them wait for their reader. It must be called
// once at most; both functions must be safe for concurrent use.
func (m *Metrics) LogQueue(dropped, waiting func() int) {
	m.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "log_lines_dropped_total",
			Help: "Log lines that were dropped because the reader of the log stood still. No audit line is among them.",
		}, func() float64 { return float64(dropped()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "log_waiting_bytes", Help: "Bytes of log lines that wait for the reader of the log.",
		}, func() float64 { return float64(waiting()) }))
}

// Store returns what observes each operation of one kind: how long it took, and, when the store did not answer, a few words
// why; they are shown to the operator.
func (m *Metrics) Store(operation outcome.Operation) func(took time.Duration, failure string) {
	failures := m.storeErrors.WithLabelValues(operation.String())
	duration := m.storeDuration.WithLabelValues(operation.String())
	return func(took time.Duration, failure string) {
		duration.Observe(took.Seconds())
		if failure != "" {
			failures.Inc()
			m.store.failed(failure)
		}
	}
}

// Quota is what is known of the calls that Spotify allows; see AddQuota.
type Quota struct {
	// Calls is how many calls were made in the window, and Allowed how many may be; Allowed is zero when that is unknown.
	Calls, Allowed int
	// GateSeconds is how long no call will be made.
	GateSeconds float64
	// CacheBytes is how much memory kept answers take.
	CacheBytes int64
}

// AddQuota lets every scrape ask for the state of the quota. It must be called at most once.
func (m *Metrics) AddQuota(read func() Quota) {
	gauge := func(name, help string, value func(Quota) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return value(read()) }))
	}
	gauge("api_calls_window", "Calls of Spotify's Web API in the last window: of all replicas where quota.calls is set, else of this one.",
		func(q Quota) float64 { return float64(q.Calls) })
	gauge("quota_calls", "Calls that may be made in a window, as configured; 0 when that is unknown.",
		func(q Quota) float64 { return float64(q.Allowed) })
	gauge("quota_gate_seconds", "Seconds until calls may be tried again after a 429; 0 while they may.",
		func(q Quota) float64 { return q.GateSeconds })
	gauge("cache_bytes", "Bytes that kept answers take.", func(q Quota) float64 { return float64(q.CacheBytes) })
}

// Answered counts a request on a credentialed route by where its answer came from.
func (m *Metrics) Answered(from outcome.Answer) { m.answers.inc(from) }
