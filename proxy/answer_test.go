package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"stagedoor/proxy/proxytest"
	"stagedoor/secret"
)

// hostileHeaders are what no upstream may say in the gateway's name.
var hostileHeaders = []string{
	"Set-Cookie: stagedoor=evil", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true", "Access-Control-Max-Age: 1",
	"Strict-Transport-Security: max-age=0", "Alt-Svc: h3=\":443\"", "Clear-Site-Data: *", "Server: envoy", "Via: 1.1 google",
	"Link: </x>; rel=preload", "Refresh: 0;url=/x", "Service-Worker-Allowed: /", "Content-Security-Policy: default-src *",
	"Stagedoor-Reason: LOGIN_REQUIRED", "X-Request-Id: evil", "Timing-Allow-Origin: *", "Report-To: {}", "Accept-CH: DPR",
	"Cross-Origin-Resource-Policy: cross-origin", "X-Accel-Redirect: /", "CDN-Cache-Control: public", "Cloudflare-CDN-Cache-Control: public",
	"WWW-Authenticate: Basic realm=evil", "Cache-Control: public",
}

func setAll(h http.Header, lines []string, prefix string) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(prefix+name, value)
	}
}

// hostileAnswer sets them in 1xx, final header and trailers, some of which are announced.
func hostileAnswer(w http.ResponseWriter, _ *http.Request) {
	setAll(w.Header(), hostileHeaders, "")
	w.Header().Set("X-Early", "1")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Del("X-Early")
	w.Header().Set("Trailer", "Set-Cookie, X-Announced")
	w.Header().Set("ETag", `"x"`)
	w.Header().Set("Retry-After", "3")
	_, _ = io.WriteString(w, "body")
	_ = http.NewResponseController(w).Flush()
	setAll(w.Header(), hostileHeaders, http.TrailerPrefix)
	w.Header().Set("X-Announced", "1")
	w.Header().Set(http.TrailerPrefix+"X-Late", "1")
}

func checkClean(t *testing.T, where string, h http.Header) {
	t.Helper()
	for _, line := range hostileHeaders {
		name, value, _ := strings.Cut(line, ": ")
		if slices.Contains(h.Values(name), value) {
			t.Errorf("%s: %s passed", where, line)
		}
	}
}

func TestUpstreamCannotSpeakForTheGateway(t *testing.T) {
	s := newStage(t)
	s.api.answer(hostileAnswer)
	early := http.Header{}
	r, _ := http.NewRequest("GET", "http://"+s.addr+"/api/me", nil)
	r.Header = loggedIn()
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { early = http.Header(h); return nil },
	}))
	answer := s.send(r)
	answer.ok(t, 200)
	if early.Get("X-Early") != "1" || answer.Trailer.Get("X-Late") != "1" || answer.Trailer.Get("X-Announced") != "1" {
		t.Errorf("what is harmless did not pass: %v, %v", early, answer.Trailer)
	}
	checkClean(t, "1xx", early)
	checkClean(t, "final", answer.Header)
	checkClean(t, "trailers", answer.Trailer)
	if answer.Header.Get("ETag") != `"x"` || answer.Header.Get("Retry-After") != "3" || answer.body != "body" {
		t.Errorf("changed: %v %q", answer.Header, answer.body)
	}
	if answer.Header.Get("X-Content-Type-Options") != "nosniff" || len(answer.Header.Values("X-Request-Id")) != 1 {
		t.Errorf("our own are missing: %v", answer.Header)
	}
}

// TestUpstreamOverHTTP2 wants the same where trailers and interim answers are frames of their own.
func TestUpstreamOverHTTP2(t *testing.T) {
	var second atomic.Bool
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.ProtoMajor != 2 || err != nil || string(body) != "body" || r.Header.Get("Te") != "" {
			t.Errorf("received %s %q, %v, %v", r.Proto, body, err, r.Header)
		}
		if second.Swap(true) {
			hostileAnswer(w, r)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	api.EnableHTTP2 = true
	api.StartTLS()
	t.Cleanup(api.Close)
	transport := NewTransport(DefaultUpstreamConfig())
	transport.TLSClientConfig = api.Client().Transport.(*http.Transport).TLSClientConfig
	t.Cleanup(transport.CloseIdleConnections)
	s := newStage(t, func(o *Options) { o.APIURL, o.Transport = api.URL, transport })
	answer := s.do("PUT", "/api/me", loggedIn("Te: trailers"), strings.NewReader("body"))
	answer.ok(t, 200)
	checkClean(t, "final", answer.Header)
	checkClean(t, "trailers", answer.Trailer)
	if answer.body != "body" || answer.Trailer.Get("X-Late") != "1" || answer.Trailer.Get("X-Announced") != "1" {
		t.Errorf("%q, trailers %v", answer.body, answer.Trailer)
	}
}

func TestLocation(t *testing.T) {
	s := newStage(t)
	for sent, want := range map[string]string{
		s.api.URL + "/v1/tracks/x?a=%26": s.public + "/api/tracks/x?a=%26",
		"/v1/tracks/x#part":              s.public + "/api/tracks/x#part",
		"other":                          s.public + "/api/other",
		"/v1":                            s.public + "/api",
		"/v2/tracks":                     "",
		"/v1x":                           "",
		"/v1/../x":                       "",
		"/v1/%2e%2e/x":                   "",
		"/v1/a%2f..%2f..%2fx":            "",
		"/v1/a//x":                       "",
		"https://evil.example/v1/x":      "",
		"//evil.example/v1/x":            "",
		"javascript:alert(1)":            "",
		"http://u:p@" + strings.TrimPrefix(s.api.URL, "http://") + "/v1/x": "",
		"http://%zz": "",
	} {
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", sent)
			w.WriteHeader(http.StatusFound)
		})
		s.api.requests = nil
		answer := s.get("/api/me", loggedIn())
		answer.ok(t, 302)
		if got := answer.Header.Get("Location"); got != want {
			t.Errorf("%q became %q, want %q", sent, got, want)
		}
		s.api.one(t) // it was not followed
	}
}

func TestErrorsPassAsTheyCame(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		status     int
		kind, body string
	}{
		{404, "application/json", "{ \"error\" : {\"status\":404,\"message\":\"Not found.\"} }\n"},
		{403, "application/json", `{"error":{"status":403,"message":"Player command failed","reason":"PREMIUM_REQUIRED"}}`},
		{403, "text/plain", "Active premium subscription required for the owner of the app"},
		{403, "text/html", "<html>" + strings.Repeat("x", 2*maxPeek)},
		{403, "application/json", `{"error":`},
		{411, "text/html", "<html>length required"},
		{500, "", ""},
		{500, "", "<!doctype html><html>"},
		{503, "text/plain", "upstream connect error"},
		{429, "application/json", `{"error":{"status":429,"message":"x","reason":"QUOTA_EXCEEDED"}}`}, // the last, because it closes the gate
	} {
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if c.kind != "" {
				w.Header().Set("Content-Type", c.kind)
			}
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		answer := s.get("/api/me", loggedIn())
		answer.ok(t, c.status)
		if answer.body != c.body || answer.Header.Get("Content-Type") != c.kind || answer.Header.Get("Retry-After") != "86400" {
			t.Errorf("%d: %v %.80q", c.status, answer.Header, answer.body)
		}
	}
}

func TestOpaqueAnswersPass(t *testing.T) {
	s := newStage(t)
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "AAEC4w-no-json")
	})
	answer := s.do("PUT", "/api/me/player/play", loggedIn(), nil)
	answer.ok(t, 200)
	if answer.body != "AAEC4w-no-json" {
		t.Errorf("body %q", answer.body)
	}
}

func TestRefusalsThatAreExplained(t *testing.T) {
	s := newStage(t)
	const message = "Insufficient client scope"
	for name, c := range map[string]struct{ kind, body, reason string }{
		"not on the list": {"text/plain", "User not registered in the Developer Dashboard", "USER_NOT_REGISTERED"},
		"scope":           {"application/json", `{"error":{"status":403,"message":"` + message + `"}}`, "INSUFFICIENT_SCOPE"},
	} {
		s.api.answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.Header().Set("Content-Encoding", r.Header.Get("Accept-Encoding"))
			w.WriteHeader(403)
			if r.Header.Get("Accept-Encoding") == "gzip" {
				_, _ = w.Write(proxytest.Gzip(c.body))
				return
			}
			_, _ = io.WriteString(w, c.body)
		})
		for _, accepts := range []string{"gzip", "identity"} {
			answer := s.get("/api/me", loggedIn("Accept-Encoding: "+accepts))
			answer.rejected(t, 403, c.reason)
			var got struct {
				Error struct {
					Message  string
					LoginURL string `json:"login_url"`
				}
			}
			if err := json.Unmarshal([]byte(answer.body), &got); err != nil || answer.Header.Get("Content-Encoding") != "" {
				t.Fatalf("%s: %v, %s", name, err, answer.body)
			}
			if c.reason == "INSUFFICIENT_SCOPE" && (got.Error.Message != message || got.Error.LoginURL != "/auth/login?scope=user-read-private+user-read-email") {
				t.Errorf("%+v", got)
			}
			if c.reason == "USER_NOT_REGISTERED" && !strings.Contains(got.Error.Message, "developer dashboard") {
				t.Errorf("%+v", got)
			}
		}
	}
}

func TestOnlyBearerChallengesPass(t *testing.T) {
	s := newStage(t)
	const bearer = `Bearer realm="spotify", error="insufficient_scope", error_description="no basics"`
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Www-Authenticate"] = []string{
			bearer, "basic realm=x", "NTLM", "Negotiate", "Digest nonce=1", `Bearer realm="x",Basic realm="y"`, "Bearer, BASIC", "\tBasic\trealm=x",
		}
		w.WriteHeader(http.StatusNotFound)
	})
	if got := s.get("/api/me", loggedIn()).Header["Www-Authenticate"]; len(got) != 1 || got[0] != bearer {
		t.Errorf("challenges %q", got)
	}
}

// TestEarlyHeadersAreFew also keeps them from a client that takes the first header for the last.
func TestEarlyHeadersAreFew(t *testing.T) {
	s := newStage(t)
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "X-Early")
		w.Header().Set("Keep-Alive", "timeout=1")
		for range 100 {
			w.WriteHeader(http.StatusEarlyHints)
		}
		_, _ = io.WriteString(w, "body")
	})
	count := 0
	r, _ := http.NewRequest("GET", "http://"+s.addr+"/api/me", nil)
	r.Header = loggedIn()
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
			count++
			if len(h["Connection"])+len(h["Keep-Alive"]) > 0 {
				t.Errorf("a 1xx speaks of the connection: %v", h)
			}
			return nil
		},
	}))
	if answer := s.send(r); answer.body != "body" || count != maxEarly {
		t.Errorf("%q behind %d early headers, want %d", answer.body, count, maxEarly)
	}
	old := s.raw("GET /api/me HTTP/1.0\r\nHost: x\r\nCookie: stagedoor=1\r\n\r\n")
	if old.StatusCode != http.StatusOK || old.body != "body" {
		t.Errorf("HTTP/1.0 got %d %q", old.StatusCode, old.body)
	}
}

func TestStatusThatIsNone(t *testing.T) {
	s := newStage(t)
	none := rawAnswer("HTTP/1.1 042 x\r\nContent-Length: 0\r\n\r\n")
	s.api.answer(none)
	s.frontend.answer(none)
	s.get("/api/me", loggedIn()).rejected(t, 502, "UPSTREAM_UNREACHABLE")
	s.get("/", loggedIn()).rejected(t, 502, "UPSTREAM_UNREACHABLE")
}

// TestErrorsDoNotQuoteTheToken has Spotify send the token back where net/http does not expect it.
func TestErrorsDoNotQuoteTheToken(t *testing.T) {
	s := newStage(t)
	for i, text := range []string{"HTTP/1.1 TOKEN\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTOKEN\r\n\r\n"} {
		s.api.answer(func(w http.ResponseWriter, r *http.Request) {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			rawAnswer(strings.ReplaceAll(text, "TOKEN", token))(w, r)
		})
		r, _ := http.NewRequest("GET", "http://"+s.addr+"/api/me", nil)
		r.Header = loggedIn()
		if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_, _ = io.ReadAll(res.Body) // it may break off
			_ = res.Body.Close()
		}
		cause, _ := s.accessLine(i).ContextMap()["error"].(string)
		if !strings.Contains(cause, "malformed") || !strings.Contains(cause, secret.New("x").String()) {
			t.Errorf("%q: the error is %q", text, cause)
		}
	}
	for _, line := range s.logs.All() {
		if text := fmt.Sprint(line.Message, line.ContextMap()); strings.Contains(text, firstToken) {
			t.Errorf("the log says %s", text)
		}
	}
}

func TestProtocolSwitchNobodyAskedFor(t *testing.T) {
	s := newStage(t)
	switches := rawAnswer("HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
	s.api.answer(switches)
	s.frontend.answer(switches)
	s.get("/api/me", loggedIn()).rejected(t, 502, "UPSTREAM_UNREACHABLE")
	s.get("/", loggedIn()).rejected(t, 502, "UPSTREAM_UNREACHABLE")
}

func TestUpstreamThatBreaksOff(t *testing.T) {
	s := newStage(t)
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "200000")
		_, _ = io.WriteString(w, strings.Repeat("half", 25000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	r, _ := http.NewRequest("GET", "http://"+s.addr+"/api/me", nil)
	r.Header = loggedIn()
	if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("half an answer looks whole")
		}
		_ = res.Body.Close()
	}
	line := s.accessLine(0)
	if line.Level.String() != "warn" || line.ContextMap()["error"] == nil {
		t.Errorf("%s %v", line.Level, line.ContextMap())
	}
}
