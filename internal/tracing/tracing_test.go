package tracing

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/internal/tracing/tracingtest"
)

// receiver is a collector in the test's process.
type receiver struct {
	*httptest.Server
	tracingtest.Collector
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	c := &receiver{}
	c.Server = httptest.NewServer(&c.Collector)
	t.Cleanup(func() {
		c.Close()
		if _, problems := c.Deliveries(); len(problems) > 0 {
			t.Error(problems)
		}
	})
	return c
}

// environment is a Lookup of fixed variables.
func environment(pairs ...string) Lookup {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// oneRequest traces a request with a traceparent, and closes the tracer.
func oneRequest(t *testing.T, tracer *Tracer, traceparent string) (recorded bool) {
	t.Helper()
	h := http.Header{}
	if traceparent != "" {
		h.Set("Traceparent", traceparent)
	}
	ctx, span := tracer.Request(t.Context(), h)
	_, step := Start(ctx, "step")
	step.Failed("REASON")
	step.End()
	span.Name("GET /api/")
	span.Number("http.response.status_code", 200)
	recorded = span.Recorded()
	span.End()
	tracer.Close()
	return recorded
}

const (
	sampledParent   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampledParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

func TestSpansReachTheCollector(t *testing.T) {
	c := newReceiver(t)
	tracer := New(Config{Endpoint: c.URL, Sample: 0}, environment("OTEL_EXPORTER_OTLP_HEADERS", "Api-Key=k%20y,x=1"), "1.2", zap.NewNop())
	if !oneRequest(t, tracer, sampledParent) {
		t.Fatal("a request whose caller records it is not recorded")
	}
	deliveries, _ := c.Deliveries()
	if len(deliveries) == 0 {
		t.Fatal("nothing was delivered")
	}
	d, spans := deliveries[0], c.Spans("")
	if d.Path != "/v1/traces" || d.Header.Get("Content-Type") != "application/x-protobuf" || d.Header.Get("Api-Key") != "k y" {
		t.Errorf("the delivery went to %s with %v", d.Path, d.Header)
	}
	if service := d.Resource["service.name"]; service != "stagedoor" || len(spans) != 2 {
		t.Fatalf("the collector has %d spans of %q, want 2 of stagedoor", len(spans), service)
	}
	step, request := spans[0], spans[1]
	if request.Name != "GET /api/" || request.Kind != tracepb.Span_SPAN_KIND_SERVER || step.Status.Code != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("the spans are %v and %v", step, request)
	}
	if string(step.ParentSpanId) != string(request.SpanId) || string(request.ParentSpanId) != "\xb7\xad\x6b\x71\x69\x20\x33\x31" ||
		string(step.TraceId) != "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c" {
		t.Errorf("the spans do not hang together with their caller's: %v and %v", step, request)
	}
}

func TestSampling(t *testing.T) {
	for name, c := range map[string]struct {
		share       float64
		traceparent string
		want        bool
	}{
		"all":                                {1, "", true},
		"none":                               {0, "", false},
		"the caller records":                 {0, sampledParent, true},
		"the caller does not":                {1, unsampledParent, false},
		"a traceparent that is not as W3C's": {1, "00-zz", true},
	} {
		t.Run(name, func(t *testing.T) {
			collector := newReceiver(t)
			tracer := New(Config{Endpoint: collector.URL, Sample: c.share}, environment(), "", zap.NewNop())
			if got := oneRequest(t, tracer, c.traceparent); got != c.want {
				t.Errorf("recorded: %v, want %v", got, c.want)
			}
		})
	}
}

// TestCallersCannotFlood bounds what a client can make the collector store.
func TestCallersCannotFlood(t *testing.T) {
	c := newReceiver(t)
	tracer := New(Config{Endpoint: c.URL, Sample: 0}, environment(), "", zap.NewNop())
	defer tracer.Close()
	count := 0
	for range 10 * parentsASecond {
		_, span := tracer.Request(t.Context(), http.Header{"Traceparent": {sampledParent}})
		if span.Recorded() {
			count++
		}
		span.End()
	}
	if count < parentsASecond || count > 5*parentsASecond { // a slow machine takes some seconds for the loop
		t.Errorf("%d of %d requests are recorded, want about %d", count, 10*parentsASecond, parentsASecond)
	}
}

// TestEndpointOfTheEnvironment follows https://opentelemetry.io/docs/specs/otel/protocol/exporter/.
func TestEndpointOfTheEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		config  string
		lookup  Lookup
		want    string
		problem string // part of the error
	}{
		"none":                {"", environment(), "", ""},
		"base":                {"", environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/"), "http://c:4318/v1/traces", ""},
		"base with path":      {"", environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/otlp"), "http://c:4318/otlp/v1/traces", ""},
		"traces":              {"", environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/x"), "https://t/x", ""},
		"configuration":       {"http://own:4318", environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"), "http://own:4318/v1/traces", ""},
		"configuration, path": {"http://own/otlp/traces", environment(), "http://own/otlp/traces", ""},
		"off":                 {"http://own:4318", environment("OTEL_SDK_DISABLED", "true"), "", ""},
		"grpc":                {"", environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "", "http/protobuf"},
		"no URL":              {"", environment("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4318"), "", "is not the address of a collector"},
		"headers":             {"", environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c", "OTEL_EXPORTER_OTLP_HEADERS", "sesame"), "", "name=value"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := targetOf(Config{Endpoint: c.config}, c.lookup)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "sesame") {
					t.Fatalf("the error is %v, want one with %q", err, c.problem)
				}
				return
			}
			if err != nil || got.url != c.want {
				t.Errorf("%q, %v; want %q", got.url, err, c.want)
			}
		})
	}
}

// TestCollectorAway checks that an outage has one line at its begin and one at its end.
func TestCollectorAway(t *testing.T) {
	c := newReceiver(t)
	core, lines := observer.New(zap.InfoLevel)
	to := newCollector(target{url: c.URL}, zap.New(core))
	for _, status := range []int{200, 503, 503, 302, 200, 200, 500} {
		c.Answer(status)
		if err := to.UploadTraces(context.Background(), nil); (err == nil) != (status == 200) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if got := lines.Len(); got != 3 {
		t.Errorf("%d lines: %v; want 3", got, lines.All())
	}
}

// TestWithoutACollector checks that nothing is recorded and nothing allocated.
func TestWithoutACollector(t *testing.T) {
	tracer := New(Config{Sample: 1}, environment(), "", zap.NewNop())
	if tracer != nil {
		t.Fatal("there is a tracer without a collector")
	}
	h := http.Header{"Traceparent": {sampledParent}}
	ctx := t.Context()
	allocations := testing.AllocsPerRun(100, func() {
		ctx, span := tracer.Request(ctx, h)
		ctx, step := Start(ctx, "step")
		_, detached := Detach(ctx, "detached")
		detached.Link(step)
		step.Text("name", "value")
		step.End()
		span.End()
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
	tracer.Close()
}

func TestConfig(t *testing.T) {
	for _, bad := range []Config{
		{Endpoint: "c:4318"}, {Endpoint: "http://u:p@c"}, {Endpoint: "http://c?x"}, {Endpoint: "ftp://c"}, {Sample: -0.1}, {Sample: 1.1},
	} {
		problems := 0
		bad.Validate(func(_, problem string) {
			problems++
			if strings.Contains(problem, "u:p") {
				t.Errorf("a password in %q", problem)
			}
		})
		if problems != 1 {
			t.Errorf("%+v has %d problems, want 1", bad, problems)
		}
	}
}

// BenchmarkOff is what a request pays for its steps when there is no collector: a session, two commands of Redis and a call.
func BenchmarkOff(b *testing.B) {
	type key int
	ctx := b.Context()
	for i := range 6 { // as deep as a request's context is
		ctx = context.WithValue(ctx, key(i), i)
	}
	var none *Tracer
	b.ReportAllocs()
	for b.Loop() {
		ctx, request := none.Request(ctx, nil)
		for range 4 {
			_, step := Start(ctx, "step")
			step.Text("name", "value")
			step.End()
		}
		request.End()
	}
}
