package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"stagedoor/internal/outcome"
)

// live are the figures of streams of server-sent events.
type live struct {
	streams prometheus.Gauge
	polls   counter[outcome.Poll]
	events  counter[outcome.Event]
}

// addLive makes what package live reports.
func (m *Metrics) addLive() {
	m.live.streams = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "live_streams", Help: "Streams of routes with live that are open.",
	})
	m.registry.MustRegister(m.live.streams)
	m.live.polls = outcomes[outcome.Poll](m, "live_polls_total",
		"Polls for streams by their result: changed or unchanged, delayed by a limit or an outage, failed by a word of Spotify's that stays, or ended with the session.",
		"result")
	m.live.events = outcomes[outcome.Event](m, "live_events_total", "Events that were sent to streams by their name.", "event")
}

// StreamOpened tells of a stream of a route with live.
func (m *Metrics) StreamOpened() { m.live.streams.Inc() }

// StreamClosed follows each StreamOpened.
func (m *Metrics) StreamClosed() { m.live.streams.Dec() }

// Polled counts a poll for streams by its result.
func (m *Metrics) Polled(result outcome.Poll) { m.live.polls.inc(result) }

// Event counts an event that was sent to a stream, by its name.
func (m *Metrics) Event(name outcome.Event) { m.live.events.inc(name) }
