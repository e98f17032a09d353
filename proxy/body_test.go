package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"stagedoor/internal/bytesize"
)

// unknownLength hides how long a body is, so that it is sent in chunks.
func unknownLength(text string) io.Reader { return struct{ io.Reader }{strings.NewReader(text)} }

func TestBodies(t *testing.T) {
	const limit = 1 << 20
	for name, c := range map[string]struct {
		size    int
		chunked bool
		length  int64 // as the upstream saw it
	}{
		"small":                     {100, false, 100},
		"small in chunks":           {100, true, 100},
		"just kept":                 {maxReplayBody, true, maxReplayBody},
		"streamed":                  {maxReplayBody + 1, false, maxReplayBody + 1},
		"streamed in chunks":        {maxReplayBody + 1, true, -1},
		"as large as may be":        {limit, false, limit},
		"as large in chunks":        {limit, true, -1},
		"no body at all, in chunks": {0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			text := strings.Repeat("x", c.size)
			var body io.Reader = strings.NewReader(text)
			if c.chunked {
				body = unknownLength(text)
			}
			s.do("PUT", "/api/images", loggedIn(), body).ok(t, 204)
			got := s.api.one(t)
			if got.ContentLength != c.length || got.body != text {
				t.Errorf("length %d and %d bytes, want %d and %d", got.ContentLength, len(got.body), c.length, c.size)
			}
		})
	}
}

func TestBodiesThatAreTooLarge(t *testing.T) {
	for name, limit := range map[string]bytesize.Size{"streamed": 1 << 20, "kept": 100} {
		s := newStage(t, func(o *Options) { o.Server.MaxRequestBody = limit })
		text := strings.Repeat("x", int(limit)+1)
		answer := s.do("PUT", "/api/images", loggedIn(), unknownLength(text))
		answer.rejected(t, 413, "BODY_TOO_LARGE")
		for _, got := range s.api.all() {
			t.Errorf("%s: the upstream received %d bytes", name, len(got.body))
		}
		// One that says so itself is refused before it is sent.
		s.raw("PUT /api/images HTTP/1.1\r\nHost: x\r\nStagedoor-Request: 1\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n"+
			"Cookie: stagedoor=1\r\n\r\n").rejected(t, 413, "BODY_TOO_LARGE")
	}
}

func TestStrangersBodiesAreNotRead(t *testing.T) {
	s := newStage(t)
	s.raw("PUT /api/images HTTP/1.1\r\nHost: x\r\nStagedoor-Request: 1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n").
		rejected(t, 401, "LOGIN_REQUIRED")
}

// upload is a request's head but for what says how long the body is.
const upload = "PUT /api/images HTTP/1.1\r\nHost: x\r\nStagedoor-Request: 1\r\nCookie: stagedoor=1\r\n"

func TestSlowAndBrokenBodies(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Server.ReadBodyTimeout = 20 * time.Millisecond })
	for _, length := range []string{
		"Content-Length: 10\r\n\r\nxx", "Content-Length: 999999\r\n\r\nxx", "Transfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n",
	} {
		s.raw(upload+length).
			rejected(t, http.StatusRequestTimeout, "INVALID_REQUEST")
	}
	s.raw(upload+"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n").
		rejected(t, http.StatusBadRequest, "INVALID_REQUEST")
}

func TestClientThatLeavesInItsBody(t *testing.T) {
	for _, length := range []string{"10", "999999"} {
		s := newStage(t)
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, upload+"Content-Length: "+length+"\r\n\r\nxx")
		_ = conn.(*net.TCPConn).CloseWrite()
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Errorf("it got an answer: %v, %v", res, err)
		}
		_ = conn.Close()
		if got := s.accessLine(0).ContextMap()["status"]; got != int64(499) {
			t.Errorf("status %v, want 499", got)
		}
	}
}
