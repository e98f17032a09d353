package metrics

import (
	"fmt"
	"math"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Counts are counters by one label, such as the class of a status.
type Counts map[string]float64

// Of is how many count as a value of package outcome.
func (c Counts) Of(value fmt.Stringer) float64 { return c[value.String()] }

// Total is all of them together.
func (c Counts) Total() float64 {
	total := 0.0
	for _, n := range c {
		total += n
	}
	return total
}

// Since returns what was counted after an earlier state.
func (c Counts) Since(earlier Counts) Counts {
	since := make(Counts, len(c))
	for label, n := range c {
		since[label] = n - earlier[label]
	}
	return since
}

// Reading is the part of a scrape at one moment that the overview shows.
type Reading struct {
	At time.Time
	// Requests are those of each route by class of the status, Upstream the calls of its upstream.
	Requests, Upstream map[string]Counts
	// RequestTime and UpstreamTime are how long they took, by route.
	RequestTime, UpstreamTime map[string]Histogram
	// These are by result, by cause, and by operation of the store.
	Logins, Logouts, Refreshes, Replays, StoreErrors Counts
	// StoreTime is of all operations together.
	RefreshTime, StoreTime Histogram
	RateLimited, Streams   float64
	// NotAdmitted are requests that were rejected at once, by reason; SessionEnds are by reason too.
	NotAdmitted, SessionEnds Counts
	// CertificateExpiry is when the certificate of the public listener expires; zero when it has none.
	CertificateExpiry time.Time
	// Answers are those of routes with credentials, by where they came from; see Answered. Quota is the state of the quota.
	Answers Counts
	Quota   Quota
}

// Read gathers from the same counters as a scrape, so that nothing is counted twice. Its error is one that a scrape tells, too.
func (m *Metrics) Read(at time.Time) (Reading, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return Reading{}, err
	}
	r := Reading{At: at}
	for _, family := range families {
		samples := family.GetMetric()
		switch strings.TrimPrefix(family.GetName(), namespace+"_") {
		case "http_requests_total":
			r.Requests = countsByRoute(samples)
		case "http_request_duration_seconds":
			r.RequestTime = timesByRoute(samples)
		case "upstream_requests_total":
			r.Upstream = countsByRoute(samples)
		case "upstream_request_duration_seconds":
			r.UpstreamTime = timesByRoute(samples)
		case "logins_total":
			r.Logins = countsBy(samples, "result")
		case "logouts_total":
			r.Logouts = countsBy(samples, "result")
		case "token_refreshes_total":
			r.Refreshes = countsBy(samples, "result")
		case "replays_total":
			r.Replays = countsBy(samples, "cause")
		case "store_errors_total":
			r.StoreErrors = countsBy(samples, "operation")
		case "token_refresh_duration_seconds":
			r.RefreshTime = times(samples)
		case "store_duration_seconds":
			r.StoreTime = times(samples)
		case "rate_limited_total":
			r.RateLimited = samples[0].GetCounter().GetValue()
		case "api_answers_total":
			r.Answers = countsBy(samples, "from")
		case "api_calls_window":
			r.Quota.Calls = int(samples[0].GetGauge().GetValue())
		case "quota_calls":
			r.Quota.Allowed = int(samples[0].GetGauge().GetValue())
		case "quota_gate_seconds":
			r.Quota.GateSeconds = samples[0].GetGauge().GetValue()
		case "cache_bytes":
			r.Quota.CacheBytes = int64(samples[0].GetGauge().GetValue())
		case "requests_rejected_total":
			r.NotAdmitted = countsBy(samples, "reason")
		case "session_ends_total":
			r.SessionEnds = countsBy(samples, "reason")
		case "certificate_expiry_timestamp_seconds":
			if at := samples[0].GetGauge().GetValue(); at != 0 {
				r.CertificateExpiry = time.Unix(int64(at), 0)
			}
		case "active_streams":
			r.Streams = samples[0].GetGauge().GetValue()
		}
	}
	return r, nil
}

func labelOf(sample *dto.Metric, name string) string {
	for _, label := range sample.GetLabel() {
		if label.GetName() == name {
			return label.GetValue()
		}
	}
	return ""
}

func countsBy(samples []*dto.Metric, label string) Counts {
	counts := Counts{}
	for _, sample := range samples {
		counts[labelOf(sample, label)] += sample.GetCounter().GetValue()
	}
	return counts
}

func countsByRoute(samples []*dto.Metric) map[string]Counts {
	routes := map[string]Counts{}
	for _, sample := range samples {
		route := labelOf(sample, "route")
		if routes[route] == nil {
			routes[route] = Counts{}
		}
		routes[route][labelOf(sample, "code")] += sample.GetCounter().GetValue()
	}
	return routes
}

func timesByRoute(samples []*dto.Metric) map[string]Histogram {
	routes := map[string]Histogram{}
	for _, sample := range samples {
		routes[labelOf(sample, "route")] = histogramOf(sample.GetHistogram())
	}
	return routes
}

func times(samples []*dto.Metric) Histogram {
	var all Histogram
	for _, sample := range samples {
		all = all.Add(histogramOf(sample.GetHistogram()))
	}
	return all
}

func histogramOf(h *dto.Histogram) Histogram {
	var read Histogram
	for _, bucket := range h.GetBucket() {
		read.Bounds = append(read.Bounds, bucket.GetUpperBound())
		read.Below = append(read.Below, bucket.GetCumulativeCount())
	}
	read.Bounds, read.Below = append(read.Bounds, math.Inf(1)), append(read.Below, h.GetSampleCount())
	return read
}
