package proxy

import (
	"net/http"
	"strings"
	"testing"
)

func TestCrossOriginRule(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		name, method string
		header       http.Header
		allowed      bool
	}{
		{"foreign origin", "GET", header("Origin: " + foreignOrigin), false},
		{"foreign origin, whatever else it says", "POST",
			header("Origin: "+foreignOrigin, "Sec-Fetch-Site: same-origin", "Stagedoor-Request: 1", "X-Forwarded-Host: evil.example"), false},
		{"opaque origin", "POST", header("Origin: null", "Stagedoor-Request: 1"), false},
		{"empty origin", "GET", header("Origin: "), false},
		{"sibling", "GET", header("Origin: https://x.app.example"), false},
		{"listed origin with another scheme", "GET", header("Origin: http://app.example"), false},
		{"listed origin in capitals", "GET", header("Origin: HTTPS://APP.EXAMPLE"), false},
		{"two origins", "GET", header("Origin: "+listedOrigin, "Origin: "+foreignOrigin), false},
		{"listed origin", "POST", header("Origin: "+listedOrigin, "Sec-Fetch-Site: cross-site"), true},
		{"own origin", "DELETE", header("Origin: " + s.public), true},
		{"same-origin", "POST", header("Sec-Fetch-Site: same-origin"), true},
		{"none reads", "GET", header("Sec-Fetch-Site: none"), true},
		{"none reads a head", "HEAD", header("Sec-Fetch-Site: none"), true},
		{"none writes", "POST", header("Sec-Fetch-Site: none", "Stagedoor-Request: 1"), false},
		{"same-site", "GET", header("Sec-Fetch-Site: same-site", "Stagedoor-Request: 1"), false},
		{"cross-site", "GET", header("Sec-Fetch-Site: cross-site"), false},
		{"unknown site", "GET", header("Sec-Fetch-Site: elsewhere"), false},
		{"two sites", "GET", header("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"), false},
		{"script reads", "GET", header(), true},
		{"script writes", "PUT", header(), false},
		{"script writes and says something else", "PUT", header("Stagedoor-Request: 0"), false},
		{"script writes and says so", "PUT", header("Stagedoor-Request: 1"), true},
	} {
		for _, path := range []string{"/api/me", "/auth/session"} {
			c.header.Set("Cookie", ourCookie+"=x")
			before := len(s.api.all())
			answer := s.do(c.method, path, c.header, nil)
			if c.allowed {
				answer.ok(t, map[string]int{"/api/me": 204, "/auth/session": 200}[path])
			} else {
				answer.refused(t, 403, "CROSS_ORIGIN_REFUSED")
				if len(s.api.all()) != before || strings.HasPrefix(answer.body, "auth ") {
					t.Errorf("%s: the refusal had an effect", c.name)
				}
			}
			if t.Failed() {
				t.Fatalf("%s, %s %s", c.name, c.method, path)
			}
		}
	}
}

func TestWhatComesFromAnywhereBelowAuth(t *testing.T) {
	s := newStage(t)
	navigation := header("Origin: "+foreignOrigin, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
	for path, open := range map[string]bool{
		"/auth/login?return_to=/": true, "/auth/callback?code=x": true, "/auth/verify": true, "/auth/client.js": true,
		"/auth/client.d.ts": true, "/auth/session": false, "/auth/sessions": false, "/auth/sessions/abc": false,
	} {
		answer := s.get(path, navigation)
		if open {
			answer.ok(t, 200)
		} else {
			answer.refused(t, 403, "CROSS_ORIGIN_REFUSED")
		}
	}
	for _, path := range []string{"/auth/login", "/auth/logout", "/auth/token", "/auth/anything"} {
		s.do("POST", path, navigation, nil).refused(t, 403, "CROSS_ORIGIN_REFUSED")
		s.do("POST", path, header(), nil).refused(t, 403, "CROSS_ORIGIN_REFUSED")
		s.do("POST", path, header("Stagedoor-Request: 1"), nil).ok(t, 200)
	}
}

func TestAuthAnswersCarryTheirHeaders(t *testing.T) {
	s := newStage(t)
	s.auth = func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "public, max-age=60") }
	for _, answer := range []answered{
		s.get("/auth", nil), s.get("/auth/session", nil), s.get("/auth/../x", nil), s.do("POST", "/auth/logout", nil, nil),
	} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%d: %s is %q, want %q", answer.StatusCode, name, got, want)
			}
		}
	}
	s.get("/auth/%2e%2e/api/me", nil).refused(t, 404, "PATH_REFUSED")
}

func TestCORSIsForListedOriginsOnly(t *testing.T) {
	s := newStage(t)
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Access-Control-Expose-Headers", "*")
		w.Header().Set("Vary", "Accept-Encoding")
	})
	listed := "Origin: " + listedOrigin
	for name, answer := range map[string]answered{
		"answer": s.get("/api/me", loggedIn(listed)), "own error": s.get("/api/me", header(listed)),
		"refused path": s.get("/api/../me", loggedIn(listed)), "refused method": s.do("PATCH", "/api/me", loggedIn(listed), nil),
		"auth": s.get("/auth/session", header(listed)), "static": s.get("/auth/client.js", header(listed)),
	} {
		h := answer.Header
		if got := h.Values("Access-Control-Allow-Origin"); len(got) != 1 || got[0] != listedOrigin {
			t.Errorf("%s: allowed origin %q", name, got)
		}
		if h.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s: no credentials", name)
		}
		for _, exposed := range []string{"Retry-After", "Stagedoor-Reason"} {
			if !strings.Contains(h.Get("Access-Control-Expose-Headers"), exposed) {
				t.Errorf("%s: %s is not exposed", name, exposed)
			}
		}
		if !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: Vary is %q", name, h.Values("Vary"))
		}
	}
	for name, answer := range map[string]answered{
		"no origin": s.get("/api/me", loggedIn()), "own origin": s.get("/api/me", loggedIn("Origin: "+s.public)),
		"foreign": s.get("/api/me", loggedIn("Origin: "+foreignOrigin)),
		"foreign preflight": s.do("OPTIONS", "/api/me",
			header("Origin: "+foreignOrigin, "Access-Control-Request-Method: GET"), nil),
	} {
		for header := range answer.Header {
			if strings.HasPrefix(header, "Access-Control-") {
				t.Errorf("%s: has %s", name, header)
			}
		}
		if !strings.Contains(strings.Join(answer.Header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: Vary is %q", name, answer.Header.Values("Vary"))
		}
	}
}

func TestPreflightsAreAnsweredHere(t *testing.T) {
	s := newStage(t)
	ask := func(path, origin string) answered {
		return s.do("OPTIONS", path, header("Origin: "+origin, "Access-Control-Request-Method: PUT",
			"Access-Control-Request-Headers: content-type,stagedoor-request, authorization,x-other,cookie"), nil)
	}
	for _, path := range []string{"/api/me", "/auth/session", "/auth/logout"} {
		answer := ask(path, listedOrigin)
		answer.ok(t, http.StatusNoContent)
		h := answer.Header
		if got := h.Get("Access-Control-Allow-Headers"); got != "Content-Type, Stagedoor-Request, Authorization" {
			t.Errorf("%s: allowed headers %q", path, got)
		}
		if h.Get("Access-Control-Allow-Origin") != listedOrigin || h.Get("Access-Control-Allow-Credentials") != "true" ||
			h.Get("Access-Control-Max-Age") == "" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "DELETE") {
			t.Errorf("%s: %v", path, h)
		}
		ask(path, foreignOrigin).refused(t, 403, "CROSS_ORIGIN_REFUSED")
		ask(path, "null").refused(t, 403, "CROSS_ORIGIN_REFUSED")
	}
	ask("/auth/login", foreignOrigin).refused(t, 403, "CROSS_ORIGIN_REFUSED")
	if len(s.api.all()) != 0 {
		t.Error("a preflight was forwarded")
	}
	// A frontend answers its own.
	ask("/index.html", foreignOrigin).ok(t, 204)
	if got := s.frontend.one(t).Method; got != "OPTIONS" {
		t.Errorf("the frontend received %s", got)
	}
}

func TestNoCORSWithoutListedOrigins(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Server.AllowedOrigins = nil })
	answer := s.get("/api/me", loggedIn("Origin: "+s.public))
	answer.ok(t, 204)
	if got := strings.Join(answer.Header.Values("Vary"), ","); got != "Cookie" {
		t.Errorf("Vary is %q", got)
	}
	s.get("/api/me", loggedIn("Origin: "+listedOrigin)).refused(t, 403, "CROSS_ORIGIN_REFUSED")
}
