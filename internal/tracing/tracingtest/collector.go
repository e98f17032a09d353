// Package tracingtest has a collector for tests: it keeps the spans that it is sent by OTLP over HTTP.
package tracingtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector answers deliveries. The zero value takes all of them. It is safe for concurrent use.
type Collector struct {
	mu         sync.Mutex // guards what follows
	status     int
	deliveries []Delivery
	problems   []error
}

// Delivery is one request.
type Delivery struct {
	// Path and Header are the request's.
	Path   string
	Header http.Header
	// Body is as it came.
	Body []byte
	// Resource are the texts among the attributes of what sent it, and Spans what it sent.
	Resource map[string]string
	Spans    []*tracepb.Span
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := Delivery{Path: r.URL.Path, Header: r.Header, Resource: map[string]string{}}
	var sent tracepb.TracesData
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, &sent)
	}
	d.Body = body
	for _, of := range sent.ResourceSpans {
		for _, a := range of.Resource.Attributes {
			d.Resource[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range of.ScopeSpans {
			d.Spans = append(d.Spans, scope.Spans...)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.problems = append(c.problems, fmt.Errorf("POST %s is not OTLP: %w", r.URL.Path, err))
	}
	c.deliveries = append(c.deliveries, d)
	if c.status != 0 {
		w.WriteHeader(c.status)
	}
}

// Answer sets the status of the answers; zero is 200.
func (c *Collector) Answer(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// Deliveries returns what has come so far, and an error for each request that was none.
func (c *Collector) Deliveries() ([]Delivery, []error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deliveries[:len(c.deliveries):len(c.deliveries)], c.problems
}

// Spans returns all spans whose name begins so.
func (c *Collector) Spans(name string) []*tracepb.Span {
	deliveries, _ := c.Deliveries()
	var found []*tracepb.Span
	for _, d := range deliveries {
		for _, span := range d.Spans {
			if strings.HasPrefix(span.Name, name) {
				found = append(found, span)
			}
		}
	}
	return found
}
