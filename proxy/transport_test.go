package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestUpstreamThatDoesNotAnswer(t *testing.T) {
	s := newStage(t)
	s.api.Close()
	s.frontend.Close()
	s.get("/api/me", loggedIn()).rejected(t, 502, "UPSTREAM_UNREACHABLE")
	answer := s.get("/", header())
	answer.rejected(t, 502, "UPSTREAM_UNREACHABLE")
	if !strings.Contains(answer.body, "The web frontend at "+s.frontend.URL+" does not answer.") {
		t.Errorf("body %s", answer.body)
	}
	page := s.get("/", header("Sec-Fetch-Dest: document"))
	page.rejected(t, 502, "UPSTREAM_UNREACHABLE")
	if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a person got %s", page.Header.Get("Content-Type"))
	}
	line := s.accessLine(0)
	if line.Level.String() != "warn" || !strings.Contains(line.ContextMap()["error"].(string), "refused") {
		t.Errorf("%s %v", line.Level, line.ContextMap())
	}
}

func TestUpstreamThatTakesTooLong(t *testing.T) {
	limits := DefaultUpstreamConfig()
	limits.HeaderTimeout = 20 * time.Millisecond
	transport := NewTransport(limits)
	s := newStage(t, func(o *Options) { o.Transport = transport })
	t.Cleanup(transport.CloseIdleConnections)
	s.api.answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s.get("/api/me", loggedIn()).rejected(t, 504, "UPSTREAM_TIMEOUT")
	s.frontend.answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s.get("/", loggedIn()).rejected(t, 504, "UPSTREAM_TIMEOUT")
}

func TestNewTransportKeepsBodiesAsTheyAre(t *testing.T) {
	transport := NewTransport(DefaultUpstreamConfig())
	if !transport.DisableCompression || !transport.ForceAttemptHTTP2 || transport.ResponseHeaderTimeout == 0 ||
		transport.TLSHandshakeTimeout == 0 || transport.MaxResponseHeaderBytes == 0 {
		t.Errorf("%+v", transport)
	}
}

func TestBufferPoolTakesItsBuffersBack(t *testing.T) {
	var pool bufferPool
	buffer := pool.Get()
	if len(buffer) != bufferSize {
		t.Fatalf("a buffer of %d bytes", len(buffer))
	}
	pool.Put(buffer)
	if again := pool.Get(); len(again) != bufferSize {
		t.Errorf("a buffer of %d bytes", len(again))
	}
}

// TestTransportOfAnotherKind may leave out Response.Request.
func TestTransportOfAnotherKind(t *testing.T) {
	s := newStage(t, func(o *Options) {
		o.Transport = transportFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody}, nil
		})
	})
	s.get("/api/me", loggedIn()).ok(t, 204)
}
