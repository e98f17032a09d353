package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"stagedoor/session/sessiontest"
)

const (
	// short is a timeout that shall run out.
	short = 20 * time.Millisecond
	// generous is one that shall not, on a machine that is busy with other tests.
	generous = 5 * time.Second
	// longer is certainly beyond it.
	longer = generous * 6 / 5
)

func shortTimeouts(o *Options) { o.Server.ReadBodyTimeout, o.Server.WriteStallTimeout = short, short }

// http2 returns a client that speaks HTTP/2 without TLS, with a small window.
func (s *stage) http2() *http.Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// withBoth does something over HTTP/1.1 and over HTTP/2 at the same time.
func (s *stage) withBoth(do func(client *http.Client)) {
	var both sync.WaitGroup
	for _, client := range []*http.Client{s.server.Client(), s.http2()} {
		both.Go(func() { do(client) })
	}
	both.Wait()
}

// TestBodiesThatNobodyReadsEnd sends half a body to where it is refused or not looked at: net/http would wait for the rest
// before it answers.
func TestBodiesThatNobodyReadsEnd(t *testing.T) {
	s := newStage(t, shortTimeouts)
	const half = "Host: x\r\nStagedoor-Request: 1\r\nContent-Length: 10\r\n\r\nxx"
	s.raw("PUT /api/images HTTP/1.1\r\n"+half).rejected(t, 401, "LOGIN_REQUIRED")
	s.raw("POST /auth/logout HTTP/1.1\r\n"+half).ok(t, 200)
}

func TestBodiesToFrontendsMayStreamWithoutPauses(t *testing.T) {
	for _, length := range []string{"Content-Length: 10\r\n\r\nxx", "Transfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n"} {
		s := newStage(t, shortTimeouts)
		s.raw("POST /upload HTTP/1.1\r\nHost: x\r\n"+length).rejected(t, http.StatusRequestTimeout, "INVALID_REQUEST")
		if n := len(s.frontend.all()); n != 0 {
			t.Errorf("the frontend has %d whole requests", n)
		}
	}
}

// TestAnswerMayTakeLongerThanTheBody wants the deadline of the body gone once the body is there.
func TestAnswerMayTakeLongerThanTheBody(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *Options) { o.Server.ReadBodyTimeout = generous })
	late := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			t.Errorf("%s ended with its body", r.URL)
		case <-time.After(longer):
			w.WriteHeader(http.StatusAccepted)
		}
	}
	s.api.answer(late)
	s.frontend.answer(late)
	s.withBoth(func(client *http.Client) {
		var all sync.WaitGroup
		for path, size := range map[string]int{"/api/small": 5, "/api/streamed": maxReplayBody + 1, "/upload": 1000} {
			all.Go(func() {
				r, _ := http.NewRequest("PUT", "http://"+s.addr+path, strings.NewReader(strings.Repeat("x", size)))
				r.Header = loggedIn()
				res, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				defer res.Body.Close()
				if res.StatusCode != http.StatusAccepted {
					t.Errorf("%s %s: status %d", res.Proto, path, res.StatusCode)
				}
			})
		}
		all.Wait()
	})
}

// TestClosedWindowEndsAnAnswer asks for more than a client takes in, over a connection that lives.
func TestClosedWindowEndsAnAnswer(t *testing.T) {
	s := newStage(t, shortTimeouts)
	ended := make(chan struct{})
	s.frontend.answer(func(w http.ResponseWriter, r *http.Request) {
		for piece := make([]byte, 64<<10); r.Context().Err() == nil; {
			if _, err := w.Write(piece); err != nil {
				break
			}
		}
		close(ended)
	})
	client := s.http2()
	res, err := client.Get("http://" + s.addr + "/endless")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the frontend still answers")
	}
	if _, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Error("the answer is whole")
	}
	if got := s.accessLine(0).ContextMap()["error"]; got == nil {
		t.Error("the log does not say that the answer broke off")
	}
}

// TestQuietStreamsLive has nothing to say for longer than a client may stall.
func TestQuietStreamsLive(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *Options) { o.Server.WriteStallTimeout = generous })
	s.frontend.answer(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: x\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(longer):
			_, _ = io.WriteString(w, "data: x\n\n")
		case <-r.Context().Done():
			t.Error("the stream was cut")
		}
	})
	s.withBoth(func(client *http.Client) {
		res, err := client.Get("http://" + s.addr + "/events")
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || strings.Count(string(text), "data: x") != 2 {
			t.Errorf("%s: %q, %v", res.Proto, text, err)
		}
	})
}

// TestDeadlinesEndWithTheRequest keeps what a transport may still read away from a writer that is gone.
func TestDeadlinesEndWithTheRequest(t *testing.T) {
	s := newStage(t)
	kept := make(chan http.ResponseWriter, 1)
	s.auth = func(w http.ResponseWriter, _ *http.Request) { kept <- w }
	res, err := s.http2().Get("http://" + s.addr + "/auth/session")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	s.accessLine(0)
	w := <-kept
	sessiontest.Eventually(t, patience, "no deadline can be set any more", func() bool {
		return errors.Is(http.NewResponseController(w).SetReadDeadline(time.Time{}), errServed)
	})
}

// deadlineRecorder records whether deadlines are set or removed.
type deadlineRecorder struct {
	httptest.ResponseRecorder
	read, write string
}

func recordDeadline(to *string, deadline time.Time) error {
	if deadline.IsZero() {
		*to += "removed "
	} else {
		*to += "set "
	}
	return nil
}

func (d *deadlineRecorder) SetReadDeadline(t time.Time) error  { return recordDeadline(&d.read, t) }
func (d *deadlineRecorder) SetWriteDeadline(t time.Time) error { return recordDeadline(&d.write, t) }

// TestStallsCountOnlyTheClientsTime looks at the deadlines of a body that is read three times, and beyond its end.
func TestStallsCountOnlyTheClientsTime(t *testing.T) {
	for major, want := range map[int]string{1: "set set set ", 2: "set removed set removed set removed "} {
		recorder := &deadlineRecorder{}
		r := httptest.NewRequest("POST", "/", iotest.OneByteReader(strings.NewReader("ab")))
		r.ProtoMajor = major
		body := boundStalls(&responseWriter{ResponseWriter: recorder}, r, &exchange{}, generous).Body
		for range 5 {
			_, _ = body.Read(make([]byte, 10))
		}
		if recorder.read != want {
			t.Errorf("HTTP/%d: deadlines are %s, want %s", major, recorder.read, want)
		}
	}
}

// TestOnlyWritesHaveADeadline wants none between them, on HTTP/2, and one for what net/http sends at the end.
func TestOnlyWritesHaveADeadline(t *testing.T) {
	for stall, want := range map[time.Duration]string{0: "", generous: "set removed set removed set "} {
		recorder := &deadlineRecorder{}
		w := &responseWriter{ResponseWriter: recorder, status: 200, stall: stall}
		_, _ = io.WriteString(w, "x")
		w.Flush()
		w.end()
		if recorder.write != want {
			t.Errorf("with a bound of %v deadlines are %q, want %q", stall, recorder.write, want)
		}
	}
}
