package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/internal/outcome"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// scrape returns the samples of a scrape, name and labels to value.
func scrape(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("a scrape answers %d %v", w.Code, w.Header())
	}
	samples := map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), " "); found && name != "#" {
			samples[name] = value
		}
	}
	return samples
}

// expect wants samples, given as name and value in turn.
func expect(t *testing.T, samples map[string]string, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := samples[pairs[i]]; got != pairs[i+1] {
			t.Errorf("%s is %q, want %s", pairs[i], got, pairs[i+1])
		}
	}
}

// TestNames holds the names and labels to those that dashboards and alerts know.
func TestNames(t *testing.T) {
	m := New("1.2.3", "abcdef")
	m.Requests("/api/")("GET", 200, time.Second, "")
	m.StreamLasted("/api/", time.Minute)
	m.Upstream("/api/")(200, nil, time.Second, "")
	m.Store(outcome.Load)(time.Second, "connection refused")
	m.AddInFlight(func() (now, limit int64) { return 1, 2 })
	families, err := m.all().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	prefixes := map[string]bool{}
	for _, family := range families {
		name := family.GetName()
		prefix, _, _ := strings.Cut(name, "_")
		prefixes[prefix] = true
		if prefix != namespace {
			continue
		}
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		got = append(got, fmt.Sprintf("%s %v %s", strings.TrimPrefix(name, "stagedoor_"), labels, family.GetType()))
	}
	want := []string{
		"active_streams [] GAUGE",
		"api_answers_total [from] COUNTER",
		"build_info [commit go_version version] GAUGE",
		"certificate_expiry_timestamp_seconds [] GAUGE",
		"config_last_reload_success_timestamp_seconds [] GAUGE",
		"config_reloads_total [result] COUNTER",
		"http_request_duration_seconds [route] HISTOGRAM",
		"http_requests_total [code method route] COUNTER",
		"live_events_total [event] COUNTER",
		"live_polls_total [result] COUNTER",
		"live_streams [] GAUGE",
		"logins_total [result] COUNTER",
		"logouts_total [result] COUNTER",
		"rate_limited_total [] COUNTER",
		"ready [part] GAUGE",
		"replays_total [cause] COUNTER",
		"requests_in_flight [] GAUGE",
		"requests_in_flight_limit [] GAUGE",
		"requests_rejected_total [reason] COUNTER",
		"session_ends_total [reason] COUNTER",
		"store_duration_seconds [operation] HISTOGRAM",
		"store_errors_total [operation] COUNTER",
		"store_watching [] GAUGE",
		"stream_duration_seconds [route] HISTOGRAM",
		"token_refresh_duration_seconds [] HISTOGRAM",
		"token_refreshes_total [result] COUNTER",
		"upstream_request_duration_seconds [route] HISTOGRAM",
		"upstream_requests_total [code route] COUNTER",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the metrics are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, prefix := range []string{"go", "process"} {
		if !prefixes[prefix] {
			t.Errorf("there are no metrics %s_…", prefix)
		}
	}
	problems, err := testutil.GatherAndLint(m.all())
	if err != nil || len(problems) > 0 {
		t.Errorf("the linter says %v, %v", problems, err)
	}
	expect(t, scrape(t, m),
		fmt.Sprintf(`stagedoor_build_info{commit="abcdef",go_version=%q,version="1.2.3"}`, runtime.Version()), "1")
}

// TestStartAtZero checks that alerts see the first event of each kind.
func TestStartAtZero(t *testing.T) {
	m := New("", "")
	m.Requests("none")
	m.Upstream("/")
	m.Store(outcome.Save)
	samples := scrape(t, m)
	for name, value := range samples {
		if strings.HasPrefix(name, "stagedoor_") && !strings.HasPrefix(name, "stagedoor_build_info") && value != "0" {
			t.Errorf("%s begins at %s", name, value)
		}
	}
	expect(t, samples,
		`stagedoor_token_refreshes_total{result="ok"}`, "0",
		`stagedoor_token_refreshes_total{result="grant_ended"}`, "0",
		`stagedoor_token_refreshes_total{result="client_misconfigured"}`, "0",
		`stagedoor_token_refreshes_total{result="unavailable"}`, "0",
		`stagedoor_token_refreshes_total{result="lost"}`, "0",
		`stagedoor_logins_total{result="denied"}`, "0",
		`stagedoor_logouts_total{result="unavailable"}`, "0",
		`stagedoor_replays_total{cause="spurious"}`, "0",
		`stagedoor_store_errors_total{operation="save"}`, "0",
		`stagedoor_http_requests_total{code="5xx",method="DELETE",route="none"}`, "0",
		`stagedoor_upstream_requests_total{code="canceled",route="/"}`, "0",
	)
}

// TestRequests checks that nothing a client sends makes a label.
func TestRequests(t *testing.T) {
	m := New("", "")
	observe := m.Requests("/api/")
	series := testutil.CollectAndCount(m.requests)
	for _, r := range []struct {
		method string
		status int
	}{
		{"GET", 200}, {"GET", 204}, {"GET", 301}, {"PUT", 499}, {"BREW", 405}, {"get", 405}, {"", 405}, {"other", 405},
		{strings.Repeat("X", 1000), 405}, {"GET", 0}, {"GET", 999}, {"POST", 503},
	} {
		observe(r.method, r.status, 20*time.Millisecond, "")
	}
	observe("GET", 101, -1, "")
	observe("GET", 200, -1, "")
	m.StreamLasted("/api/", 2*time.Minute)
	if got := testutil.CollectAndCount(m.requests); got != series {
		t.Errorf("%d series became %d", series, got)
	}
	m.Requests("/api/")("GET", 200, 40*time.Second, "") // another gateway with the same route goes on counting
	expect(t, scrape(t, m),
		`stagedoor_http_requests_total{code="1xx",method="GET",route="/api/"}`, "1",
		`stagedoor_http_requests_total{code="2xx",method="GET",route="/api/"}`, "4",
		`stagedoor_http_requests_total{code="3xx",method="GET",route="/api/"}`, "1",
		`stagedoor_http_requests_total{code="4xx",method="PUT",route="/api/"}`, "1",
		`stagedoor_http_requests_total{code="4xx",method="other",route="/api/"}`, "5",
		`stagedoor_http_requests_total{code="5xx",method="GET",route="/api/"}`, "2",
		`stagedoor_http_requests_total{code="5xx",method="POST",route="/api/"}`, "1",
		`stagedoor_http_request_duration_seconds_bucket{route="/api/",le="0.005"}`, "0",
		`stagedoor_http_request_duration_seconds_bucket{route="/api/",le="0.025"}`, "12",
		`stagedoor_http_request_duration_seconds_bucket{route="/api/",le="30"}`, "12",
		`stagedoor_http_request_duration_seconds_count{route="/api/"}`, "13", // the streams are not among them
		`stagedoor_stream_duration_seconds_bucket{route="/api/",le="60"}`, "0",
		`stagedoor_stream_duration_seconds_bucket{route="/api/",le="600"}`, "1",
	)
}

func TestUpstream(t *testing.T) {
	m := New("", "")
	observe := m.Upstream("/api/")
	observe(200, nil, time.Millisecond, "")
	observe(429, nil, time.Millisecond, "")
	observe(0, errors.New("connection refused"), time.Millisecond, "")
	observe(0, fmt.Errorf("dial: %w", context.DeadlineExceeded), time.Second, "")
	observe(0, fmt.Errorf("read: %w", context.Canceled), time.Second, "")
	expect(t, scrape(t, m),
		`stagedoor_upstream_requests_total{code="2xx",route="/api/"}`, "1",
		`stagedoor_upstream_requests_total{code="4xx",route="/api/"}`, "1",
		`stagedoor_upstream_requests_total{code="none",route="/api/"}`, "2",
		`stagedoor_upstream_requests_total{code="canceled",route="/api/"}`, "1",
		`stagedoor_upstream_request_duration_seconds_count{route="/api/"}`, "5",
	)
}

func TestEvents(t *testing.T) {
	m := New("", "")
	m.StreamBegun()
	m.StreamBegun()
	m.StreamEnded()
	m.RateLimited()
	m.Replayed(outcome.ReplayToken)
	m.LoggedIn(outcome.LoginDenied)
	m.LoggedOut(outcome.LogoutOK)
	m.Reloaded(outcome.ReloadRefused)
	m.ConfigRead(time.UnixMilli(1700000000500))
	m.Refreshed(outcome.RefreshMisconfigured, 300*time.Millisecond, "")
	load := m.Store(outcome.Load)
	m.Ready(outcome.PartStore, true)
	m.Watching(true)
	m.CertificateExpires(time.Unix(1700000000, 0))
	load(700*time.Microsecond, "")
	load(time.Second, "connection refused")
	expect(t, scrape(t, m),
		"stagedoor_active_streams", "1",
		`stagedoor_ready{part="store"}`, "1",
		`stagedoor_ready{part="logins"}`, "0",
		"stagedoor_certificate_expiry_timestamp_seconds", "1.7e+09",
		"stagedoor_store_watching", "1",
		"stagedoor_rate_limited_total", "1",
		`stagedoor_replays_total{cause="token"}`, "1",
		`stagedoor_logins_total{result="denied"}`, "1",
		`stagedoor_logouts_total{result="ok"}`, "1",
		`stagedoor_config_reloads_total{result="refused"}`, "1",
		`stagedoor_config_reloads_total{result="ok"}`, "0",
		"stagedoor_config_last_reload_success_timestamp_seconds", "1.7000000005e+09",
		`stagedoor_token_refreshes_total{result="client_misconfigured"}`, "1",
		"stagedoor_token_refresh_duration_seconds_sum", "0.3",
		`stagedoor_store_errors_total{operation="load"}`, "1",
		`stagedoor_store_duration_seconds_bucket{operation="load",le="0.001"}`, "1",
		`stagedoor_store_duration_seconds_count{operation="load"}`, "2",
	)
}

// BenchmarkRequests measures what one request costs; it allocates nothing.
func BenchmarkRequests(b *testing.B) {
	m := New("", "")
	request, upstream := m.Requests("/api/"), m.Upstream("/api/")
	b.ReportAllocs()
	for b.Loop() {
		upstream(200, nil, 30*time.Millisecond, "")
		request("GET", 200, 40*time.Millisecond, "")
	}
}

// TestExemplars checks that a scraper that accepts OpenMetrics learns which trace a duration belongs to.
func TestExemplars(t *testing.T) {
	m := New("", "")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	m.Requests("/api/")("GET", 200, 20*time.Millisecond, trace)
	m.Upstream("/api/")(200, nil, 20*time.Millisecond, trace)
	m.Refreshed(outcome.RefreshOK, 20*time.Millisecond, trace)
	for accept, want := range map[string]int{"application/openmetrics-text; version=1.0.0": 3, "text/plain": 0} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		if got := strings.Count(w.Body.String(), `# {trace_id="`+trace+`"} 0.02`); got != want {
			t.Errorf("%s: %d exemplars, want %d", accept, got, want)
		}
	}
}
