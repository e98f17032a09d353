package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/proxy/quota"
	"stagedoor/session"
)

const (
	expiredBody  = `{"error":{"status":401,"message":"The access token expired"}}`
	spuriousBody = `{"error":{"status":401,"message":"Access token missing"}}`
)

// unauthorized answers n times with a 401 and then with 200.
func unauthorized(n int32, challenge, body string) http.HandlerFunc {
	var count atomic.Int32
	return func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1) > n {
			_, _ = io.WriteString(w, "fine")
			return
		}
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, body)
	}
}

const expiredChallenge = `Bearer realm="spotify", error="invalid_token", error_description="The access token expired"`

func TestReplayAfter401(t *testing.T) {
	for name, c := range map[string]struct {
		challenge, body string
		replaces        bool
	}{
		"challenge":      {expiredChallenge, "", true},
		"expired":        {"", expiredBody, true},
		"invalid":        {"", `{"error":{"status":401,"message":"Invalid access token"}}`, true},
		"OAuth's shape":  {"", `{"error":"invalid_token"}`, true},
		"spurious":       {"", spuriousBody, false},
		"text":           {"", "Unauthorized", false},
		"nothing at all": {"", "", false},
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel() // some wait for a second
				s := newStage(t)
				s.api.answer(unauthorized(1, c.challenge, c.body))
				answer := s.do(method, "/api/me", loggedIn(), strings.NewReader("body"))
				answer.ok(t, 200)
				all := s.api.all()
				if len(all) != 2 || all[0].body != "body" || all[1].body != "body" {
					t.Fatalf("Spotify received %d requests", len(all))
				}
				second := firstToken
				if c.replaces {
					second = secondToken
				}
				if got := all[1].Header.Values("Authorization"); len(got) != 1 || got[0] != "Bearer "+second {
					t.Errorf("the replay carried %q", got)
				}
				if (s.sessions.replaced == 1) != c.replaces {
					t.Errorf("%d forced refreshes", s.sessions.replaced)
				}
			})
		}
	}
}

func TestSecond401Passes(t *testing.T) {
	t.Parallel()
	for _, body := range []string{expiredBody, spuriousBody, strings.Repeat("x", maxPeek+100)} {
		s := newStage(t)
		s.api.answer(unauthorized(9, "", body))
		answer := s.get("/api/me", loggedIn())
		answer.ok(t, 401)
		if answer.body != body || answer.ContentLength > 0 && answer.ContentLength != int64(len(body)) {
			t.Errorf("the body is %.80q", answer.body)
		}
		if n := len(s.api.all()); n != 2 {
			t.Errorf("Spotify received %d requests, want 2", n)
		}
		if marked := strings.Join(s.sessions.rejected, " "); body == expiredBody && marked != secondToken || body != expiredBody && marked != "" {
			t.Errorf("%.40q marked %q as rejected", body, marked)
		}
	}
}

func TestStreamedBodiesAreSentOnce(t *testing.T) {
	s := newStage(t)
	s.api.answer(unauthorized(1, "", expiredBody))
	answer := s.do("PUT", "/api/images", loggedIn(), strings.NewReader(strings.Repeat("x", maxReplayBody+1)))
	answer.ok(t, 401)
	if answer.body != expiredBody || len(s.api.all()) != 1 || s.sessions.replaced != 0 {
		t.Errorf("%q after %d requests and %d refreshes", answer.body, len(s.api.all()), s.sessions.replaced)
	}
}

func TestTokenThatCannotBeReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		reason string
	}{
		"grant ended":     {session.ErrReauthorize, 401, "REAUTHORIZATION_REQUIRED"},
		"logged out":      {session.ErrNoSession, 401, "LOGIN_REQUIRED"},
		"endpoint down":   {&session.RefreshUnavailableError{Cause: errors.New("502")}, 503, "TOKEN_ENDPOINT_UNAVAILABLE"},
		"store down":      {session.ErrStoreUnavailable, 503, "STORE_UNAVAILABLE"},
		"wrong secret":    {session.ErrClientMisconfigured, 503, "CLIENT_MISCONFIGURED"},
		"replaced lately": {session.ErrRefreshedLately, 401, "REAUTHORIZATION_REQUIRED"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.sessions.replace = func(session.Token) (session.Token, error) { return session.Token{}, c.err }
			s.api.answer(unauthorized(9, expiredChallenge, expiredBody))
			answer := s.get("/api/me", loggedIn())
			if got := answer.Header.Get("Stagedoor-Reason"); answer.StatusCode != c.status || got != c.reason {
				t.Errorf("%d %q, want %d %q", answer.StatusCode, got, c.status, c.reason)
			}
			if c.status == 401 && !strings.Contains(answer.body, `"login_url":"/auth/login"`) {
				t.Errorf("body %q", answer.body)
			}
			if n := len(s.api.all()); n != 1 {
				t.Errorf("Spotify received %d requests, want 1", n)
			}
		})
	}
}

// transportFunc is a RoundTripper.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// spurious answers every request with a 401 that does not blame the token, and says when.
func spurious(sent *[]time.Time) transportFunc {
	return func(r *http.Request) (*http.Response, error) {
		*sent = append(*sent, time.Now())
		return &http.Response{StatusCode: 401, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	}
}

func TestSpurious401WaitsAboutASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Time
		replay := &replayer{next: spurious(&sent), sessions: &fakeSessions{}, limiter: quota.New(quota.Options{}).Limiter, metrics: noMetrics{}}
		ctx := context.WithValue(t.Context(), exchangeKey{}, &exchange{call: &call{body: &requestBody{}, turn: quota.Turn{Bucket: quota.BucketAll}}})
		r, _ := http.NewRequestWithContext(ctx, "GET", "https://api.example/v1/me", nil)
		res, err := replay.RoundTrip(r)
		if err != nil || res.StatusCode != 401 || len(sent) != 2 {
			t.Fatalf("%v, %v after %d requests", res, err, len(sent))
		}
		if waited := sent[1].Sub(sent[0]); waited < 700*time.Millisecond || waited > 1300*time.Millisecond {
			t.Errorf("it waited %v", waited)
		}
	})
}

func TestWaitForAReplayEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Time
		replay := &replayer{next: spurious(&sent), sessions: &fakeSessions{}, limiter: quota.New(quota.Options{}).Limiter, metrics: noMetrics{}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		ctx = context.WithValue(ctx, exchangeKey{}, &exchange{call: &call{body: &requestBody{}, turn: quota.Turn{Bucket: quota.BucketAll}}})
		r, _ := http.NewRequestWithContext(ctx, "GET", "https://api.example/v1/me", nil)
		if _, err := replay.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) || len(sent) != 1 {
			t.Errorf("%v after %d requests", err, len(sent))
		}
	})
}

// TestWritesAreNotRepeatedOnABrokenConnection wants http.Transport's own retries to spare everything but reads.
func TestWritesAreNotRepeatedOnABrokenConnection(t *testing.T) {
	s := newStage(t)
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
		s.get("/api/warm-up", loggedIn()).ok(t, 204) // so that the connection is used again
		before := len(s.api.all())
		s.api.answer(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		s.do(method, "/api/me", loggedIn("Idempotency-Key: 1"), nil).rejected(t, 502, "UPSTREAM_UNREACHABLE")
		if n := len(s.api.all()) - before; n != 1 {
			t.Errorf("%s was sent %d times", method, n)
		}
	}
}
