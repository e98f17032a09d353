// Package tracing tells a collector which way a request took and how long each step was (OpenTelemetry; OTLP over HTTP). It is
// the only importer of OpenTelemetry. Without a collector there is no Tracer, no request has a span, and Start does nothing.
//
// A step of a request is a span:
//
//	ctx, span := tracing.Start(ctx, "session")
//	defer func() { span.End(err) }()
//
// Spans hold names, hosts, statuses and reasons; no query, no header, no token and no key of the store.
package tracing

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

const (
	// service is what the collector calls the gateway, unless OTEL_SERVICE_NAME says otherwise.
	service = "stagedoor"
	// flushTime bounds how long Close waits for the collector.
	flushTime = 3 * time.Second
	// parentsASecond bounds how many traces a second are recorded only because the caller wants it: any client may send a
	// traceparent.
	parentsASecond = 100
)

// Tracer begins the spans of requests. A nil Tracer records nothing. It is safe for concurrent use.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// New makes the Tracer of a checked configuration, or returns nil when neither it nor the environment names a collector. An
// environment that cannot be used turns tracing off with a line in the log: it may be the whole platform's, and must not keep a
// gateway from starting. Close ends the Tracer.
func New(c Config, lookup Lookup, version string, log *zap.Logger) *Tracer {
	to, err := targetOf(c, lookup)
	if err != nil {
		log.Warn("tracing is off", zap.Error(err))
		return nil
	}
	if to.url == "" {
		return nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // the exporter's client logs, once for each outage
	exporter := otlptrace.NewUnstarted(newCollector(to, log))
	about, _ := resource.New(context.Background(), // what is wrong with the environment's attributes costs only them
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithFromEnv())
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), // drops spans when the collector is slower than they come
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sampler(c.Sample)))
	log.Info("tracing", zap.String("endpoint", to.url), zap.Float64("sample", c.Sample))
	return &Tracer{provider: provider, tracer: provider.Tracer(service)}
}

// Close sends what is left, for a few seconds at most.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter's client has logged why
}

// sampler decides as the caller did; without a caller's decision it takes a share.
func sampler(share float64) sdktrace.Sampler {
	return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share),
		sdktrace.WithRemoteParentSampled(bounded{rate.NewLimiter(parentsASecond, parentsASecond)}))
}

// bounded records what it is asked to, up to a rate.
type bounded struct{ limit *rate.Limiter }

func (b bounded) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if b.limit.Allow() {
		return sdktrace.AlwaysSample().ShouldSample(p)
	}
	return sdktrace.NeverSample().ShouldSample(p)
}

func (bounded) Description() string { return "as the parent, up to a rate" }

// w3c reads and writes traceparent and tracestate (https://www.w3.org/TR/trace-context/).
var w3c = propagation.TraceContext{}

// Request begins the span of an incoming request, as a part of the trace that its header names.
func (t *Tracer) Request(ctx context.Context, h http.Header) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(w3c.Extract(ctx, propagation.HeaderCarrier(h)), "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, recorded(span)
}

// Span is one step. The zero Span records nothing. It belongs to the goroutine that ends it.
type Span struct{ span trace.Span }

// recorded keeps a span only when it is recorded.
func recorded(span trace.Span) Span {
	if !span.IsRecording() {
		return Span{}
	}
	return Span{span}
}

// Start begins a step of what ctx is about: nothing, when that is not recorded.
func Start(ctx context.Context, name string) (context.Context, Span) {
	return start(ctx, name, trace.SpanKindInternal)
}

func start(ctx context.Context, name string, kind trace.SpanKind, o ...trace.SpanStartOption) (context.Context, Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer(service).Start(ctx, name, append(o, trace.WithSpanKind(kind))...)
	return ctx, Span{span}
}

// Detach begins a step that ctx's request causes and that may outlast it. The context that it returns has no deadline and no
// values but the span.
func Detach(ctx context.Context, name string) (context.Context, Span) {
	detached := context.Background()
	if cause := trace.SpanFromContext(ctx); cause.IsRecording() {
		detached = trace.ContextWithSpan(detached, cause)
	}
	return Start(detached, name)
}

// Link says that another span belongs to this one, such as the refresh that a request waited for.
func (s Span) Link(other Span) {
	if s.span != nil && other.span != nil {
		s.span.AddLink(trace.Link{SpanContext: other.span.SpanContext()})
	}
}

// Recorded tells whether the collector will see the span.
func (s Span) Recorded() bool { return s.span != nil }

// Name replaces the name.
func (s Span) Name(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Text sets an attribute, unless it is empty. Names of attributes are those of OpenTelemetry's semantic conventions where it has one.
func (s Span) Text(name, value string) {
	if s.span != nil && value != "" {
		s.span.SetAttributes(attribute.String(name, value))
	}
}

// Number sets an attribute that is a number.
func (s Span) Number(name string, value int) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int(name, value))
	}
}

// Failed marks the step as failed, by a short reason that is safe to show.
func (s Span) Failed(reason string) {
	if s.span != nil {
		s.span.SetStatus(codes.Error, reason)
		s.span.SetAttributes(attribute.String("error.type", reason))
	}
}

// End ends the step.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}

// TraceID is the trace of a recorded span in hexadecimal; "" of any other.
func (s Span) TraceID() string {
	if s.span == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}
