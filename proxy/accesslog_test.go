package proxy

import (
	"context"
	"net/http"
	"testing"

	"go.uber.org/zap"
)

const (
	traceOfTest = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceOfTest + "-00f067aa0ba902b7-01"
)

func TestTraceIsPassedOnAndLogged(t *testing.T) {
	s := newStage(t)
	for i, path := range []string{"/api/me", "/page"} {
		header := loggedIn()
		header.Set("Traceparent", traceparent)
		header.Set("Tracestate", "vendor=x")
		s.get(path, header)
		if got := s.accessLine(i).ContextMap()["trace_id"]; got != traceOfTest {
			t.Errorf("%s: trace_id is %v", path, got)
		}
	}
	for _, upstream := range []*upstream{s.api, s.frontend} {
		got := upstream.one(t).Header
		if got.Get("Traceparent") != traceparent || got.Get("Tracestate") != "vendor=x" {
			t.Errorf("the upstream got %v", got)
		}
	}
}

// TestClientThatLeftIsNoError checks what becomes of a request whose client went away: no error, no warning, no answer of
// ReverseProxy's in the log.
func TestClientThatLeftIsNoError(t *testing.T) {
	for _, path := range []string{"/api/me", "/page"} {
		s, reported := measuredStage(t)
		ctx, leave := context.WithCancel(t.Context())
		left := func(_ http.ResponseWriter, r *http.Request) {
			leave()
			<-r.Context().Done()
		}
		s.api.answer(left)
		s.frontend.answer(left)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = loggedIn()
		if answer, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
			t.Errorf("%s was answered with %d", path, answer.StatusCode)
		}
		line := s.accessLine(0)
		if line.Level != zap.DebugLevel || line.ContextMap()["status"] != int64(499) {
			t.Errorf("%s: the line is %v %v", path, line.Level, line.ContextMap())
		}
		for _, line := range s.logs.All() {
			if line.Level > zap.DebugLevel {
				t.Errorf("%s: there is a line %v %s %v", path, line.Level, line.Message, line.ContextMap())
			}
		}
		if reported.has("refused") {
			t.Errorf("%s: an error was reported: %v", path, reported.all)
		}
	}
}
