package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"stagedoor/internal/httperror"
	"stagedoor/secret"
)

// everyLine is the whole log as text.
func (s *stage) everyLine() string {
	var text strings.Builder
	for _, line := range s.logs.All() {
		fmt.Fprintln(&text, line.Message, line.ContextMap(), line.Stack)
	}
	return text.String()
}

// The text of a panic in the log is for developers. It has the type of the value alone: a value that some library has put together may hold anything.
func TestPanicsHoldNoSecret(t *testing.T) {
	token := secret.New(firstToken)
	for name, value := range map[string]any{
		"a text": "token " + firstToken, "an error": errors.New(firstToken), "a wrapped error": fmt.Errorf("x: %s", firstToken),
		"bytes": []byte(firstToken), "a header": http.Header{"Authorization": {firstToken}}, "a secret": token,
		"a struct": struct{ Token string }{firstToken}, "a pointer": &struct{ Token string }{firstToken},
	} {
		s := newStage(t)
		s.auth = func(http.ResponseWriter, *http.Request) { panicWith(value, firstToken, token, []byte(firstToken)) }
		answer := s.get("/auth/session", nil)
		answer.rejected(t, 500, httperror.InternalError)
		s.accessLine(0)
		text := s.everyLine() + fmt.Sprint(answer.Header) + answer.body
		for _, form := range []string{firstToken, fmt.Sprint([]byte(firstToken)), fmt.Sprintf("%x", firstToken)} {
			if strings.Contains(text, form) {
				t.Errorf("%s: the token is in\n%s", name, text)
			}
		}
		if !strings.Contains(text, "panicWith(") || !strings.Contains(text, fmt.Sprintf("a %T", value)) {
			t.Errorf("%s: neither the line nor the kind of the panic is in\n%s", name, text)
		}
	}
}

// panicWith has the secrets among its arguments, which a stack shows.
//
//go:noinline
func panicWith(value any, _ string, _ secret.Text, _ []byte) { panic(value) }

func TestPanicsOfTheRuntimeAreTold(t *testing.T) {
	s := newStage(t)
	s.auth = func(_ http.ResponseWriter, r *http.Request) {
		_ = strings.Split(r.URL.Path, "/")[len(r.URL.Path)] // which it has not
	}
	s.get("/auth/session", nil).rejected(t, 500, httperror.InternalError)
	s.accessLine(0)
	if text := s.everyLine(); !strings.Contains(text, "index out of range [13] with length 3") {
		t.Errorf("what happened is not in\n%s", text)
	}
}

// An upstream that is no HTTP server, or a broken one, may repeat what it was sent. Net/http quotes what it cannot read.
func TestBrokenUpstreamsAreNotQuoted(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP":          "Bearer " + firstToken + "\r\n\r\n",
		"a status":         "HTTP/1.1 " + firstToken + "\r\n\r\n",
		"a header":         "HTTP/1.1 200 OK\r\nBearer " + firstToken + "\r\n\r\n",
		"a length":         "HTTP/1.1 200 OK\r\nContent-Length: " + firstToken + "\r\n\r\n",
		"an encoding":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + firstToken + "\r\n\r\n",
		"a trailer":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nBearer " + firstToken + "\r\n\r\n",
		"a trailer's name": "HTTP/1.1 200 OK\r\nTrailer: Content-Length, " + firstToken + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a chunk":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + firstToken + "\r\n",
	} {
		for _, path := range []string{"/api/me", "/page"} {
			s := newStage(t)
			s.api.answer(rawAnswer(answer))
			s.frontend.answer(rawAnswer(answer))
			r, err := http.NewRequest(http.MethodPut, "http://"+s.addr+path, nil) // which is not repeated
			if err != nil {
				t.Fatal(err)
			}
			r.Header = loggedIn()
			if res, err := http.DefaultTransport.RoundTrip(r); err == nil { // some are cut
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			line := s.accessLine(0).ContextMap()
			if line["error"] == nil || strings.Contains(s.everyLine(), firstToken) {
				t.Errorf("%s, %s: the log says %s", name, path, s.everyLine())
			}
		}
	}
}
