package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// breakOff sends a header, flushed, and some of a body, and then ends the connection.
func breakOff(head, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n"+body)
		_ = conn.Close()
	}
}

// An answer of which nothing was sent to the client can still become another one.
func TestAnswerThatBreaksBeforeItsFirstByte(t *testing.T) {
	const isJSON, isText = "Content-Type: application/json\r\n", "Content-Type: text/plain\r\n"
	for name, c := range map[string]struct{ head, body string }{
		"announced JSON":         {isJSON + "Content-Length: 100", ""},
		"long JSON":              {isJSON + "Content-Length: 1000000", ""},
		"half of a short JSON":   {isJSON + "Content-Length: 100", `{"a":`},
		"chunked JSON":           {isJSON + "Transfer-Encoding: chunked", ""},
		"a chunk without a byte": {isJSON + "Transfer-Encoding: chunked", "5\r\n"},
		"announced text":         {isText + "Content-Length: 100", ""},
		"chunked text":           {isText + "Transfer-Encoding: chunked", ""},
		"broken gzip":            {isJSON + "Content-Encoding: gzip\r\nContent-Length: 100", "\x1f\x8b\x08"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.api.answer(breakOff(c.head, c.body))
			for _, method := range []string{"GET", "POST"} {
				a := s.do(method, "/api/x", loggedIn("Accept-Encoding: gzip"), nil)
				a.rejected(t, 502, "UPSTREAM_UNREACHABLE")
				if !strings.Contains(a.body, "Spotify broke off its answer.") {
					t.Errorf("%s: %s", method, a.body)
				}
			}
			if c.body == "" {
				s.frontend.answer(breakOff(c.head, c.body))
				for _, method := range []string{"GET", "POST"} {
					s.do(method, "/x", header(), nil).rejected(t, 502, "UPSTREAM_UNREACHABLE")
				}
			}
		})
	}
}

// Behind the first byte an end that is none shows as such: the connection breaks off, unless nothing has been sent yet.
func TestAnswerThatBreaksBehindItsFirstByte(t *testing.T) {
	s := newStage(t)
	for _, head := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		broken := breakOff("Content-Type: text/plain\r\n"+head, "5\r\nhello\r\n")
		s.api.answer(broken)
		s.frontend.answer(broken)
		for _, path := range []string{"/api/x", "/x"} {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.addr+path, http.NoBody)
			r.Header = loggedIn()
			res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
			if err != nil {
				continue // the header was not flushed yet
			}
			if _, err := io.ReadAll(res.Body); err == nil && res.StatusCode != http.StatusBadGateway {
				t.Errorf("%s with %s looks whole: %d", path, head, res.StatusCode)
			}
			_ = res.Body.Close()
		}
	}
}

// A frontend's stream begins for its client although nothing has come over it yet.
func TestStreamBeginsBeforeItsFirstByte(t *testing.T) {
	for _, contentType := range []string{"text/event-stream", "text/event-stream; charset=utf-8", "application/x-ndjson"} {
		s := newStage(t)
		more := make(chan struct{})
		s.frontend.answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-more:
			case <-r.Context().Done():
			}
			_, _ = io.WriteString(w, "data: 1\n\n")
		})
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+"/stream", nil)
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		close(more)
		if body, err := io.ReadAll(res.Body); string(body) != "data: 1\n\n" || err != nil {
			t.Errorf("%s: %q, %v", contentType, body, err)
		}
		_ = res.Body.Close()
	}
}
