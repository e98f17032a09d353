package token

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/internal/dial"
	"stagedoor/internal/tracing"
	"stagedoor/secret"
	"stagedoor/session"
)

// hijacked is a connection that a test's server has taken from net/http.
type hijacked struct{ net.Conn }

// hijack hands the connection of an answer over, and closes it afterwards.
func hijack(w http.ResponseWriter, use func(hijacked)) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	use(hijacked{conn})
	_ = conn.Close() // the test is over with it
}

func (c hijacked) say(text string) { _, _ = io.WriteString(c, text) }

// reset makes the close that follows an RST.
func (c hijacked) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// Connections fail in many places. A code and a refresh token are good for one use, so none of it is tried again.
func TestTokenConnectionFailure(t *testing.T) {
	for name, fail := range map[string]func(hijacked){
		"reset":              hijacked.reset,
		"closed":             func(hijacked) {},
		"no HTTP":            func(c hijacked) { c.say("SSH-2.0-OpenSSH_9.9\r\n") },
		"header cut off":     func(c hijacked) { c.say("HTTP/1.1 200 OK\r\nContent-Type: app") },
		"header without end": func(c hijacked) { c.say("HTTP/1.1 200 OK\r\nX-Pad: " + strings.Repeat("a", 1<<20) + "\r\n\r\n") },
		"body cut off":       func(c hijacked) { c.say("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + goodAnswer) },
		"chunks cut off":     func(c hijacked) { c.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"acc") },
		"error's body is cut off": func(c hijacked) {
			c.say("HTTP/1.1 400 Bad Request\r\nContent-Length: 500\r\n\r\n" + `{"error":"invalid_grant"}`)
		},
		"status is no number":  func(c hijacked) { c.say("HTTP/1.1 abc OK\r\n\r\n") },
		"only interim answers": func(c hijacked) { c.say(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20)) },
		"compressed without a wish": func(c hijacked) {
			c.say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTokenServer(t, func(w http.ResponseWriter, _ *http.Request) { hijack(w, fail) })
			_, err := server.endpoint(nil).Refresh(t.Context(), secret.New("refresh-old"))
			if got := failureOf(err); got != unknown {
				t.Errorf("%v; that is %q, want %q", err, got, unknown)
			}
			server.only(t)
		})
	}
}

// net/http tries a request again when a connection that it has kept turns out to be dead; not this one.
func TestTokenConnectionThatWasKept(t *testing.T) {
	var calls atomic.Int32
	server := newTokenServer(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 1 {
			hijack(w, hijacked.reset)
			return
		}
		answerJSON(http.StatusOK, goodAnswer)(w, r)
	})
	endpoint := server.endpoint(nil)
	if _, err := endpoint.Refresh(t.Context(), secret.New("refresh-1")); err != nil {
		t.Fatal(err)
	}
	if _, err := endpoint.Refresh(t.Context(), secret.New("refresh-2")); failureOf(err) != unknown {
		t.Errorf("a connection that was reset answered %v", err)
	}
	if got := calls.Load(); got != 2 {
		t.Errorf("two calls were %d requests", got)
	}
}

func TestTokenEndpointThatNobodyServes(t *testing.T) {
	server := newTokenServer(t, answerJSON(http.StatusOK, goodAnswer))
	endpoint := server.endpoint(nil)
	server.Close()
	if _, err := endpoint.Refresh(t.Context(), secret.New("refresh-old")); failureOf(err) != unknown {
		t.Errorf("a closed port answered %v", err)
	}
}

// Twice the configured time bounds the whole refresh: the wait for an answer, and a body that comes in drops.
func TestTokenTimeout(t *testing.T) {
	for name, begin := range map[string]func(w http.ResponseWriter){
		"no answer": func(http.ResponseWriter) {},
		"no end of the body": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, goodAnswer[:20])
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTokenServer(t, func(w http.ResponseWriter, r *http.Request) {
				begin(w)
				<-r.Context().Done() // the client has hung up
			})
			started := time.Now()
			_, err := server.endpoint(func(c *Config) { c.Timeout = 100 * time.Millisecond }).
				Refresh(t.Context(), secret.New("refresh-old"))
			if failureOf(err) != unknown {
				t.Errorf("a server that hangs answered %v", err)
			}
			if took := time.Since(started); took < 200*time.Millisecond || took > 5*time.Second {
				t.Errorf("a refresh with a timeout of 100ms took %v, want 200ms", took)
			}
			server.only(t)
		})
	}
}

func TestTokenCallEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := newTokenServer(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := server.endpoint(nil).Refresh(ctx, secret.New("refresh-old")); failureOf(err) != unknown {
		t.Errorf("a call that was given up answered %v", err)
	}
	server.only(t)
}

// A redirect would carry the code, the refresh token and, at a 307, the secret to wherever it points.
func TestTokenRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, body := range []string{"", goodAnswer, `{"error":"invalid_grant"}`} {
			var elsewhere atomic.Int32
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				elsewhere.Add(1)
				answerJSON(http.StatusOK, goodAnswer)(w, r)
			}))
			server := newTokenServer(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", other.URL+"/api/token")
				answerJSON(status, body)(w, r)
			})
			_, err := server.endpoint(nil).Refresh(t.Context(), secret.New("refresh-old"))
			if failureOf(err) != unknown {
				t.Errorf("%d with %q: %v", status, body, err)
			}
			other.Close()
			if got := elsewhere.Load(); got != 0 {
				t.Errorf("%d with %q: the other host received %d requests", status, body, got)
			}
			server.only(t)
		}
	}
}

// countingConn counts what the client reads.
type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func TestTokenAnswerOfAGibibyte(t *testing.T) {
	const enough = 1<<20 + 64<<10 // 1 MiB, its framing, and what the client's buffers read ahead
	for name, begin := range map[string]struct {
		status            int
		contentType, text string
	}{
		"success": {200, "application/json", `{"access_token":"a","pad":"`},
		"failure": {400, "application/json", `{"error":"invalid_grant","error_description":"`},
		"text":    {502, "text/html", `<p>`},
	} {
		t.Run(name, func(t *testing.T) {
			gone := make(chan error, 1)
			server := newTokenServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", begin.contentType)
				w.WriteHeader(begin.status)
				_, err := io.WriteString(w, begin.text)
				chunk := bytes.Repeat([]byte("a"), 1<<20)
				for i := 0; i < 1024 && err == nil; i++ {
					_, err = w.Write(chunk)
				}
				gone <- err
			})
			endpoint := server.endpoint(nil)
			var read atomic.Int64
			transport := endpoint.http.Transport.(dialect).next.(tracing.Transport).Next.(dial.Transport)
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
				return countingConn{conn, &read}, err
			}
			_, err := endpoint.Refresh(t.Context(), secret.New("refresh-old"))
			if got := failureOf(err); got != unknown {
				t.Errorf("%v; that is %q, want %q", err, got, unknown)
			}
			if <-gone == nil {
				t.Error("the server could send all of it")
			}
			if got := read.Load(); got > enough {
				t.Errorf("the client read %d bytes, want at most %d", got, enough)
			}
			server.only(t)
		})
	}
}

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func FuzzTokenAnswer(f *testing.F) {
	for _, contentType := range []string{"application/json", "text/html", "application/x-www-form-urlencoded", ""} {
		f.Add(200, contentType, goodAnswer)
		f.Add(200, contentType, "access_token=a&expires_in=60&token_type=bearer")
		f.Add(400, contentType, `{"error":"invalid_grant"}`)
		f.Add(401, contentType, `{"error":"invalid_client","error_description":"\u0000"}`)
	}
	f.Add(200, "application/json", `{"access_token":"a\n","refresh_token":"b"}`)
	f.Add(200, "application/json", `{"access_token":"a","expires_in":-4294967295}`)
	f.Add(503, "text/plain", "error=invalid_grant")
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 200 || status > 599 {
			t.Skip("net/http gives no such status to a client")
		}
		requests := 0
		endpoint := (&tokenServer{Server: &httptest.Server{URL: "http://127.0.0.1:1"}}).endpoint(nil)
		endpoint.http.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			requests++
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {contentType}},
				Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}, nil
		})
		grant, err := endpoint.Refresh(context.Background(), secret.New("refresh-old"))
		if requests != 1 {
			t.Errorf("there were %d requests", requests)
		}
		if err == nil {
			checkGrant(t, grant)
			return
		}
		kind := failureOf(err)
		if kind != unknown && status != 400 && status != 401 {
			t.Errorf("a status of %d says that %s", status, kind)
		}
		if kind == grantEnded && !strings.Contains(body, "invalid_grant") && !strings.ContainsAny(body, `\%`) {
			t.Errorf("the grant has ended, and the answer was %q", body)
		}
		if !errors.Is(err, session.ErrGrantEnded) && !errors.Is(err, session.ErrClientMisconfigured) && kind != unknown {
			t.Errorf("an error of no kind: %v", err)
		}
		if !grant.Access.IsZero() {
			t.Error("a failure came with a token")
		}
	})
}

// checkGrant reports what makes a grant unusable: its tokens go into headers, its expiry decides about refreshes.
func checkGrant(t *testing.T, grant session.Grant) {
	t.Helper()
	access := grant.Access.Reveal()
	if access == "" {
		t.Error("there is no access token")
	}
	for _, c := range []byte(access + grant.Refresh.Reveal()) {
		if c <= ' ' || c > '~' {
			t.Errorf("a token has the byte %#x", c)
		}
	}
	if life := grant.Expiry.Sub(testClock); life <= 0 || life > longestLifetime {
		t.Errorf("the token lives %v", life)
	}
}
