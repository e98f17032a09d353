package metrics

import "github.com/prometheus/client_golang/prometheus"

// live are the figures of streams of server-sent events.
type live struct {
	streams prometheus.Gauge
	polls   *prometheus.CounterVec
	events  *prometheus.CounterVec
}

// addLive makes what package live reports.
func (m *Metrics) addLive() {
	m.live.streams = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "live_streams", Help: "Streams of routes with live that are open.",
	})
	m.registry.MustRegister(m.live.streams)
	m.live.polls = m.counters("live_polls_total",
		"Polls for streams by their result: changed or unchanged, delayed by a limit or an outage, failed by a word of Spotify's that stays, or ended with the session.",
		"result")
	start(m.live.polls, "changed", "unchanged", "delayed", "failed", "ended")
	m.live.events = m.counters("live_events_total", "Events that were sent to streams by their name.", "event")
	start(m.live.events, "state", "delayed", "failed", "ended", "replaced")
}

// StreamOpened tells of a stream of a route with live.
func (m *Metrics) StreamOpened() { m.live.streams.Inc() }

// StreamClosed follows each StreamOpened.
func (m *Metrics) StreamClosed() { m.live.streams.Dec() }

// Polled counts a poll for streams by its result.
func (m *Metrics) Polled(result string) { m.live.polls.WithLabelValues(result).Inc() }

// Event counts an event that was sent to a stream, by its name.
func (m *Metrics) Event(name string) { m.live.events.WithLabelValues(name).Inc() }
