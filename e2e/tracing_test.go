package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"stagedoor/e2e/stage"
	"stagedoor/internal/tracing/tracingtest"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// collector keeps the spans that gateways send.
type collector struct {
	*httptest.Server
	tracingtest.Collector
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(&c.Collector)
	t.Cleanup(func() {
		c.Close()
		deliveries, problems := c.Deliveries()
		if len(problems) > 0 || slices.ContainsFunc(deliveries, func(d tracingtest.Delivery) bool { return d.Path != "/v1/traces" }) {
			t.Errorf("the deliveries went wrong: %v", problems)
		}
	})
	return c
}

// tree draws a span and what is below it, one a line.
func (c *collector) tree(root *tracepb.Span) string {
	all := c.Spans("")
	var text strings.Builder
	var draw func(span *tracepb.Span, depth int)
	draw = func(span *tracepb.Span, depth int) {
		took := time.Duration(span.EndTimeUnixNano - span.StartTimeUnixNano)
		after := time.Duration(span.StartTimeUnixNano - root.StartTimeUnixNano)
		fmt.Fprintf(&text, "%-36s %8s after %8s %s\n", strings.Repeat("  ", depth)+span.Name,
			took.Round(10*time.Microsecond), after.Round(10*time.Microsecond), span.Status.GetMessage())
		below := slices.DeleteFunc(slices.Clone(all), func(s *tracepb.Span) bool { return string(s.ParentSpanId) != string(span.SpanId) })
		slices.SortFunc(below, func(a, b *tracepb.Span) int { return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano)) })
		for _, child := range below {
			draw(child, depth+1)
		}
	}
	draw(root, 0)
	return text.String()
}

// TestTraces logs in and lets twenty requests wait for one refresh, with a collector that sees how.
func TestTraces(t *testing.T) {
	const requests = 20
	c := startCollector(t)
	w := stage.NewWorld(t, stage.Options{
		Log: "debug", Session: "refresh_before: 1h", Tracing: fmt.Sprintf("endpoint: %s\nsample: 1", c.URL), Quota: "cache: 0",
	})
	v := w.Visitor()
	v.Login("ada")
	w.Spotify.ExpireAccessTokens()
	if _, err := w.Spotify.AddFault(simulator.Fault{
		Name: "slow", Match: simulator.Match{Grant: "refresh_token"}, Delay: time.Second, Times: 1,
	}); err != nil {
		t.Fatal(err)
	}
	if statuses := storm(v, requests, "/api/me"); statuses[http.StatusOK] != requests {
		t.Fatalf("the answers were %v, want %d times 200", statuses, requests)
	}
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	if a := v.Get("/api/me?secret=query", "Traceparent", "00-"+traceID+"-b7ad6b7169203331-01"); a.Status != http.StatusOK {
		t.Fatalf("a request with a traceparent answered %d %s", a.Status, a.Body)
	}
	calls := w.Calls("/v1/me")
	if sent := calls[len(calls)-1].Header.Get("Traceparent"); !strings.HasPrefix(sent, "00-"+traceID+"-") || strings.Contains(sent, "b7ad6b7169203331") {
		t.Errorf("Spotify was sent the traceparent %q, want one of this trace and of the gateway's own span", sent)
	}
	replica := w.Replicas[0]
	sessiontest.Eventually(t, 10*time.Second, "an access line that names the trace", func() bool {
		return len(replica.Logged(func(l stage.LogLine) bool { return l.Msg == "request" && l.TraceID == traceID })) == 1
	})
	replica.Restart() // what waits to be sent is sent

	login := one(t, c, "GET /auth/")
	sessiontest.Eventually(t, 10*time.Second, "the spans of the callback", func() bool { return len(c.Spans("profile")) == 1 })
	for _, span := range c.Spans("GET /auth/") {
		if tree := c.tree(span); strings.Contains(tree, "token POST") {
			login = span
		}
	}
	tree := c.tree(login)
	for _, step := range []string{"token POST", "profile GET", "redis "} {
		if !strings.Contains(tree, step) {
			t.Errorf("the login's trace lacks %s:\n%s", step, tree)
		}
	}
	t.Logf("a login:\n%s", tree)

	refresh := one(t, c, "refresh")
	waits := c.Spans("wait for refresh")
	linked := 0
	for _, wait := range waits {
		if len(wait.Links) == 1 && string(wait.Links[0].SpanId) == string(refresh.SpanId) {
			linked++
		}
	}
	if linked != len(waits) || linked < 2 {
		t.Errorf("%d of %d waits link to the refresh", linked, len(waits))
	}
	if tree := c.tree(refresh); strings.Count(tree, "token POST") != 1 || !strings.Contains(tree, "redis ") {
		t.Errorf("the refresh's trace is\n%s", tree)
	}
	for _, span := range c.Spans("GET /api/") {
		if tree := c.tree(span); strings.Contains(tree, "  refresh ") {
			t.Logf("a refresh that %d requests waited for:\n%s", linked, tree)
		}
	}

	if !slices.ContainsFunc(c.Spans(""), func(s *tracepb.Span) bool { return hex.EncodeToString(s.TraceId) == traceID }) {
		t.Error("the caller's trace is not continued")
	}
	secrets := append(w.Bearers(), stage.ClientSecret, "secret=query", "code=", "state=")
	balancer, err := url.Parse(w.Balancer.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range v.Client.Jar.Cookies(balancer) {
		secrets = append(secrets, cookie.Value)
	}
	deliveries, _ := c.Deliveries()
	for _, secret := range secrets {
		if slices.ContainsFunc(deliveries, func(d tracingtest.Delivery) bool { return bytes.Contains(d.Body, []byte(secret)) }) {
			t.Errorf("the collector was sent %.12s…", secret)
		}
	}
}

func one(t *testing.T, c *collector, name string) *tracepb.Span {
	t.Helper()
	sessiontest.Eventually(t, 10*time.Second, "a span "+name, func() bool { return len(c.Spans(name)) > 0 })
	return c.Spans(name)[0]
}
