package flows

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stagedoor/internal/httperror"
)

// Where the store fails decides what is lost: before the state is used up, a reload mends everything.
func TestCallbackWhileTheStoreIsDown(t *testing.T) {
	for name, test := range map[string]struct {
		down       func(operation, kind string) bool
		tokenCalls int
		reloadable bool
	}{
		"altogether": {everything, 0, true},
		"for the state": {
			func(operation, kind string) bool { return operation == "save" && kind == "login" },
			0, true,
		},
		"for the new session": {
			func(operation, kind string) bool { return operation == "save" && kind == "session" },
			1, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, nil)
			b := g.browser()
			query := consented(b.begin("").Get("state"))
			g.store.fail(test.down)
			a := b.callback(query)
			b.expect(a, http.StatusServiceUnavailable, httperror.StoreUnavailable)
			b.expectNothing(a, test.tokenCalls)
			if a.Header.Get("Retry-After") == "" {
				t.Error("there is no Retry-After")
			}
			g.store.fail(nil)
			a = b.callback(query)
			if got := a.StatusCode == http.StatusSeeOther; got != test.reloadable {
				t.Errorf("once the store was back, a reload answered %d %s", a.StatusCode, a.Header.Get(httperror.ReasonHeader))
			}
		})
	}
}

// Whatever the token endpoint answers, it is asked once, nothing is made, and the page says what to do.
func TestCallbackWithoutToken(t *testing.T) {
	busy := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		answerJSON(http.StatusServiceUnavailable, "")(w, r)
	}
	for name, test := range map[string]struct {
		answer     http.HandlerFunc
		status     int
		reason     string
		retryAfter string
		loginLink  bool
	}{
		"down":     {answerJSON(502, "Bad Gateway"), 503, httperror.TokenEndpointUnavailable, "1", true},
		"busy":     {busy, 503, httperror.TokenEndpointUnavailable, "7", true},
		"nonsense": {answerJSON(200, "<html>"), 503, httperror.TokenEndpointUnavailable, "1", true},
		"reset":    {resetConnection, 503, httperror.TokenEndpointUnavailable, "1", true},
		"invalid_grant": {
			answerJSON(400, `{"error":"invalid_grant","error_description":"<b>Authorization code expired</b>"}`),
			400, httperror.InvalidRequest, "", true,
		},
		"invalid_client": {
			answerJSON(401, `{"error":"invalid_client","error_description":"Invalid client secret"}`),
			503, httperror.ClientMisconfigured, "30", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, nil)
			b := g.browser()
			g.spotify.answerToken(test.answer)
			a := b.callback(consented(b.begin("").Get("state")))
			b.expect(a, test.status, test.reason)
			b.expectNothing(a, 1)
			if got := a.Header.Get("Retry-After"); got != test.retryAfter {
				t.Errorf("Retry-After is %q, want %q", got, test.retryAfter)
			}
			if strings.Contains(a.body, `href="/auth/login"`) != test.loginLink {
				t.Errorf("whether the page leads back to the login: want %v\n%s", test.loginLink, a.body)
			}
			for _, wrong := range []string{"You are still logged in", "Authorization code", "client secret</"} {
				if strings.Contains(a.body, wrong) {
					t.Errorf("the page says %q: %s", wrong, a.body)
				}
			}
		})
	}
}

// The user exists only once /me has said who it is.
func TestCallbackWithoutProfile(t *testing.T) {
	text := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		status int
		reason string
	}{
		"not registered": {
			text(403, "text/plain", "User not registered in the Developer Dashboard"),
			403, httperror.UserNotRegistered,
		},
		"perhaps not": {
			text(403, "text/plain", "Check settings on developer.spotify.com/dashboard, the user may not be registered."),
			403, httperror.UserNotRegistered,
		},
		"not, in JSON": {
			answerJSON(403, `{"error":{"status":403,"message":"The user is not registered for this application."}}`),
			403, httperror.UserNotRegistered,
		},
		"forbidden": {
			answerJSON(403, `{"error":{"status":403,"message":"Forbidden"}}`),
			502, httperror.UpstreamUnreachable,
		},
		"unauthorized": {
			answerJSON(401, `{"error":{"status":401,"message":"The access token expired"}}`),
			502, httperror.UpstreamUnreachable,
		},
		"busy":  {answerJSON(429, ``), 429, httperror.RateLimited},
		"down":  {text(503, "text/html", "<script>alert(1)</script>"), 502, httperror.UpstreamUnreachable},
		"reset": {resetConnection, 502, httperror.UpstreamUnreachable},
		"moved": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/v1/you", http.StatusFound) },
			502, httperror.UpstreamUnreachable,
		},
		"empty":      {answerJSON(200, ``), 502, httperror.UpstreamUnreachable},
		"no content": {answerJSON(204, ``), 502, httperror.UpstreamUnreachable},
		"HTML":       {text(200, "text/html", "<p>"), 502, httperror.UpstreamUnreachable},
		"nobody":     {answerJSON(200, `{"display_name":"x"}`), 502, httperror.UpstreamUnreachable},
		"null":       {answerJSON(200, `null`), 502, httperror.UpstreamUnreachable},
		"too long": {
			answerJSON(200, `{"id":"`+strings.Repeat("a", 1<<20)+`"}`),
			502, httperror.UpstreamUnreachable,
		},
		"hanging": {
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			504, httperror.UpstreamTimeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(o *Options) {
				if name == "hanging" {
					o.Config.TokenTimeout = 200 * time.Millisecond
				}
			})
			b := g.browser()
			g.spotify.answerMe(test.answer)
			a := b.callback(consented(b.begin("").Get("state")))
			b.expect(a, test.status, test.reason)
			b.expectNothing(a, 1)
			if _, asked := g.spotify.received(); asked != 1 {
				t.Errorf("/me was asked %d times", asked)
			}
			if strings.Contains(a.body, "alert(1)") || strings.Contains(a.body, "access token expired") {
				t.Errorf("the page repeats Spotify's text: %s", a.body)
			}
		})
	}
}
