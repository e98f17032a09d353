package proxy

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"

	"stagedoor/internal/httperror"
	"stagedoor/session"
)

func TestRequestID(t *testing.T) {
	made := regexp.MustCompile(`^[0-9a-f]{16}$`)
	stranger := newStage(t)
	trusted := newStage(t, func(o *Options) { o.Server.TrustedProxies = []string{"127.0.0.1/32"} })
	for _, c := range []struct {
		stage *stage
		sent  string
		kept  bool
	}{
		{stranger, "", false}, {stranger, "given-1", false}, {trusted, "", false}, {trusted, "given-1", true},
		{trusted, "4bf92f35/77b3:4d.a6_Z=", true}, {trusted, "with space", false}, {trusted, `quote"`, false},
		{trusted, strings.Repeat("a", 128), true}, {trusted, strings.Repeat("a", 129), false},
	} {
		for _, path := range []string{"/api/me", "/auth/session", "/", "/api/../x"} {
			h := header()
			if c.sent != "" {
				h.Set("X-Request-Id", c.sent)
			}
			got := c.stage.get(path, h).Header.Values("X-Request-Id")
			if len(got) != 1 || (got[0] == c.sent) != c.kept || !c.kept && !made.MatchString(got[0]) {
				t.Errorf("%s with %q: id %q", path, c.sent, got)
			}
		}
	}
}

func TestHSTSIsOnEveryAnswerOverHTTPS(t *testing.T) {
	secure := newStage(t, func(o *Options) { o.Server.PublicURL = "https://app.gateway.example" })
	plain := newStage(t)
	secure.frontend.answer(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Strict-Transport-Security", "max-age=0") })
	for _, path := range []string{"/", "/api/me", "/auth/session", "/auth/../x", "/api/../x"} {
		if got := secure.get(path, loggedIn()).Header.Values("Strict-Transport-Security"); !slices.Equal(got, []string{"max-age=31536000"}) {
			t.Errorf("%s: %q", path, got)
		}
		if got := plain.get(path, loggedIn()).Header.Values("Strict-Transport-Security"); got != nil {
			t.Errorf("%s over plain http: %q", path, got)
		}
	}
}

func TestAccessLine(t *testing.T) {
	s := newStage(t)
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "12345") })
	answer := s.get("/api/me?access_token=s3cret&code=s3cret", loggedIn())
	got := s.accessLine(0).ContextMap()
	for name, want := range map[string]any{
		"request_id": answer.Header.Get("X-Request-Id"), "method": "GET", "route": "/api/", "path": "/api/me", "status": int64(200),
		"reason": "", "bytes": int64(5), "client_ip": "127.0.0.1", "session": "0badcafe", "cache": "off",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["upstream_ms"].(float64) <= 0 || got["duration_ms"].(float64) < got["upstream_ms"].(float64) {
		t.Errorf("durations %v and %v", got["duration_ms"], got["upstream_ms"])
	}
	want := []string{
		"bytes", "cache", "client_ip", "duration_ms", "method", "path", "reason", "request_id", "route", "session", "status", "upstream_ms",
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("fields %v", names)
	}

	s.get("/api/me", header())
	got = s.accessLine(1).ContextMap()
	if got["reason"] != "LOGIN_REQUIRED" || got["status"] != int64(401) || got["session"] != "" || got["error"] == nil {
		t.Errorf("%v", got)
	}
	s.get("/auth/session", nil)
	s.get("/nothing", nil)
	if route := s.accessLine(2).ContextMap()["route"]; route != "/auth/" {
		t.Errorf("route %v", route)
	}
	if route := s.accessLine(3).ContextMap()["route"]; route != "/" {
		t.Errorf("route %v", route)
	}
}

func TestAccessLineIsBounded(t *testing.T) {
	s := newStage(t)
	s.raw(strings.Repeat("M", 5000) + " /a%0a" + strings.Repeat("a", 5000) + "\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	line := s.accessLine(0)
	got := line.ContextMap()
	if path := got["path"].(string); len(path) > maxLogged+10 || !strings.HasPrefix(path, "/a%0Aaaa") {
		t.Errorf("path of %d bytes: %.20q", len(path), path)
	}
	if method := got["method"].(string); len(method) > maxLoggedMethod+10 {
		t.Errorf("method of %d bytes", len(method))
	}
}

func TestAccessLevels(t *testing.T) {
	s := newStage(t)
	levels := map[string]zapcore.Level{}
	see := func(name string) {
		line := s.accessLine(len(levels))
		levels[name] = line.Level
	}
	s.sessions.findErr = session.ErrStoreUnavailable
	s.get("/api/me", loggedIn())
	see("store")
	s.sessions.findErr = session.ErrClientMisconfigured
	s.get("/api/me", loggedIn())
	see("secret")
	s.sessions.findErr = nil
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	s.get("/api/me", loggedIn())
	see("upstream's own")
	s.get("/api/me", header())
	see("login")
	want := map[string]zapcore.Level{
		"store": zapcore.WarnLevel, "secret": zapcore.ErrorLevel, "upstream's own": zapcore.InfoLevel, "login": zapcore.InfoLevel,
	}
	if !maps.Equal(levels, want) {
		t.Errorf("levels %v, want %v", levels, want)
	}
}

func TestNoSecretInTheLog(t *testing.T) {
	s := newStage(t)
	s.get("/api/me?code=s3cret", loggedIn("Authorization: Bearer s3cret"))
	s.get("/auth/callback?code=s3cret&state=s3cret", loggedIn())
	s.api.Close()
	s.get("/api/me?code=s3cret", loggedIn())
	s.accessLine(2)
	for _, entry := range s.logs.All() {
		text, err := zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg"}).EncodeEntry(entry.Entry, entry.Context)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"s3cret", firstToken, "secret-session-id"} {
			if strings.Contains(text.String(), secret) {
				t.Errorf("the log knows %s: %s", secret, text)
			}
		}
	}
}

func TestPanicsAreAnswered(t *testing.T) {
	s := newStage(t)
	s.auth = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		panic("boom")
	}
	answer := s.get("/auth/session", nil)
	answer.rejected(t, 500, httperror.InternalError)
	if strings.Contains(answer.body, "boom") || answer.Header.Get("X-Request-Id") == "" {
		t.Errorf("%v %s", answer.Header, answer.body)
	}
	line := s.accessLine(0)
	if line.Level != zapcore.ErrorLevel || line.ContextMap()["status"] != int64(500) {
		t.Errorf("%s %v", line.Level, line.ContextMap())
	}
	panics := s.logs.FilterMessage("panic").All()
	if len(panics) != 1 || !strings.Contains(panics[0].Stack, "exchange_test.go") {
		t.Errorf("panics %v", panics)
	}
}

func TestPanicsAfterTheHeaderAbort(t *testing.T) {
	for name, value := range map[string]any{"intended": http.ErrAbortHandler, "not intended": "boom"} {
		s := newStage(t)
		recorder := httptest.NewRecorder()
		s.auth = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			panic(value)
		}
		func() {
			defer func() {
				if got, isError := recover().(error); !isError || !errors.Is(got, http.ErrAbortHandler) {
					t.Errorf("%s: panic %v", name, got)
				}
			}()
			s.server.Config.Handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/auth/session", nil))
		}()
		if n := len(s.logs.FilterMessage("panic").All()); (n == 1) != (name == "not intended") {
			t.Errorf("%s: %d panics logged", name, n)
		}
		s.accessLine(0)
	}
}

func TestPathWithoutARoute(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Routes = o.Routes[:1] })
	s.get("/x", nil).rejected(t, 404, "PATH_REFUSED")
	if route := s.accessLine(0).ContextMap()["route"]; route != "" {
		t.Errorf("route %q", route)
	}
}
