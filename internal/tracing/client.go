package tracing

import (
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Transport makes a span of each request of another server.
type Transport struct {
	// Next carries the requests.
	Next http.RoundTripper
	// Step is the first word of the spans' names, before the method.
	Step string
	// Propagate tells the server which span asks (traceparent), if the request is recorded.
	Propagate bool
}

// RoundTrip implements http.RoundTripper. A request that is not recorded passes as it is.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := start(r.Context(), t.Step, trace.SpanKindClient)
	if !span.Recorded() {
		return t.Next.RoundTrip(r)
	}
	defer span.End()
	span.Name(t.Step + " " + r.Method)
	span.Text("http.request.method", r.Method)
	span.Text("server.address", r.URL.Hostname())
	if t.Propagate {
		header := r.Header.Clone() // r is the caller's
		w3c.Inject(ctx, propagation.HeaderCarrier(header))
		r = r.WithContext(r.Context())
		r.Header = header
	}
	answer, err := t.Next.RoundTrip(r)
	if err != nil {
		span.Failed("no answer") // the error may quote an address with a query
		return nil, err
	}
	span.Number("http.response.status_code", answer.StatusCode)
	if answer.StatusCode >= http.StatusBadRequest {
		span.Failed(http.StatusText(answer.StatusCode))
	}
	return answer, nil
}

// CloseIdleConnections is http.Client's.
func (t Transport) CloseIdleConnections() {
	if next, can := t.Next.(interface{ CloseIdleConnections() }); can {
		next.CloseIdleConnections()
	}
}
