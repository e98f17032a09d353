package proxy

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCrossOriginRule(t *testing.T) {
	s := newStage(t, func(o *Options) {
		for _, credentials := range []string{CredentialsUserOrApp, CredentialsApp, AccountPrefix + "radio"} {
			o.Routes = append(o.Routes, Route{Path: "/" + credentials + "/", Upstream: UpstreamSpotify, Credentials: credentials})
		}
	})
	for _, c := range []struct {
		name, method string
		header       http.Header
		allowed      bool
	}{
		{"foreign origin", "GET", header("Origin: " + foreignOrigin), false},
		{"foreign origin, whatever else it says", "POST",
			header("Origin: "+foreignOrigin, "Sec-Fetch-Site: same-origin", "Stagedoor-Request: 1", "X-Forwarded-Host: evil.example"), false},
		{"opaque origin", "POST", header("Origin: null", "Stagedoor-Request: 1"), false},
		{"opaque origin of the own page", "POST", header("Origin: null", "Sec-Fetch-Site: same-origin"), true},
		{"opaque origin of a sibling", "POST", header("Origin: null", "Sec-Fetch-Site: same-site", "Stagedoor-Request: 1"), false},
		{"opaque origin of another site", "POST", header("Origin: null", "Sec-Fetch-Site: cross-site", "Stagedoor-Request: 1"), false},
		{"opaque origin of nobody", "GET", header("Origin: null", "Sec-Fetch-Site: none"), false},
		{"two opaque origins", "POST", header("Origin: null", "Origin: null", "Sec-Fetch-Site: same-origin"), false},
		{"opaque origin, two sites", "POST", header("Origin: null", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin"), false},
		{"named origin that says it is the own page", "POST", header("Origin: "+foreignOrigin, "Sec-Fetch-Site: same-origin"), false},
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
		for _, path := range []string{"/api/me", "/user_or_app/me", "/app/search", "/account:radio/me", "/auth/session"} {
			c.header.Set("Cookie", ourCookie+"=x")
			before := len(s.api.all())
			answer := s.do(c.method, path, c.header, nil)
			if c.allowed {
				want := http.StatusNoContent
				if path == "/auth/session" {
					want = http.StatusOK
				}
				answer.ok(t, want)
			} else {
				answer.rejected(t, 403, "CROSS_ORIGIN_REFUSED")
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

// TestNavigationsComeFromAnywhere to a route: no site can read what a person goes to. What else a page can load, it cannot
// load from here.
func TestNavigationsComeFromAnywhere(t *testing.T) {
	s := newStage(t, func(o *Options) {
		o.Routes = append(o.Routes, Route{Path: "/app/", Upstream: UpstreamSpotify, Credentials: CredentialsApp})
	})
	const navigate, document = "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"
	for _, c := range []struct {
		name, method string
		lines        []string
		allowed      bool
	}{
		{"link", "GET", []string{navigate, document}, true},
		{"link that was followed by a person", "GET", []string{navigate, document, "Sec-Fetch-User: ?1"}, true},
		{"head of a page", "HEAD", []string{navigate, document}, false},
		{"form", "POST", []string{navigate, document, "Stagedoor-Request: 1"}, false},
		{"form with an origin", "POST", []string{navigate, document, "Origin: " + foreignOrigin}, false},
		{"link with an origin", "GET", []string{navigate, document, "Origin: " + foreignOrigin}, false},
		{"link with an opaque origin", "GET", []string{navigate, document, "Origin: null"}, false},
		{"frame", "GET", []string{navigate, "Sec-Fetch-Dest: iframe"}, false},
		{"old frame", "GET", []string{navigate, "Sec-Fetch-Dest: frame"}, false},
		{"embedded", "GET", []string{navigate, "Sec-Fetch-Dest: embed"}, false},
		{"object", "GET", []string{navigate, "Sec-Fetch-Dest: object"}, false},
		{"no destination", "GET", []string{navigate}, false},
		{"no mode", "GET", []string{document}, false},
		{"script", "GET", []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"}, false},
		{"fetch", "GET", []string{"Sec-Fetch-Mode: cors", document}, false},
		{"socket", "GET", []string{"Sec-Fetch-Mode: websocket", document}, false},
		{"in advance", "GET", []string{navigate, document, "Sec-Purpose: prefetch"}, false},
		{"drawn in advance", "GET", []string{navigate, document, "Sec-Purpose: prefetch;prerender"}, false},
		{"two destinations", "GET", []string{navigate, document, "Sec-Fetch-Dest: iframe"}, false},
		{"two modes", "GET", []string{navigate, "Sec-Fetch-Mode: cors", document}, false},
	} {
		for _, site := range []string{"cross-site", "same-site"} {
			for _, path := range []string{"/api/me", "/app/search"} {
				before := len(s.api.all())
				h := header(append(c.lines, "Sec-Fetch-Site: "+site, "Cookie: "+ourCookie+"=x")...)
				answer := s.do(c.method, path, h, nil)
				if c.allowed {
					answer.ok(t, http.StatusNoContent)
				} else {
					answer.rejected(t, 403, "CROSS_ORIGIN_REFUSED")
				}
				if got := len(s.api.all()) > before; got != c.allowed {
					t.Errorf("%s, %s, %s: to the API %v, want %v", c.name, site, path, got, c.allowed)
				}
			}
			// Below /auth/ nothing changes: what tells about a user is for the app, and what changes something too.
			h := header(append(c.lines, "Sec-Fetch-Site: "+site)...)
			s.get("/auth/session", h).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
			s.do("POST", "/auth/logout", h, nil).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
		}
	}
	// A person who has to log in is sent there, and comes back to the address as it was.
	h := header(navigate, document, "Sec-Fetch-Site: cross-site")
	answer := s.get("/api/a%2Bb/?x=1", h)
	if got := answer.Header.Get("Location"); answer.StatusCode != 302 || got != "/auth/login?return_to=%2Fapi%2Fa%252Bb%2F%3Fx%3D1" {
		t.Errorf("a navigation got %d to %q", answer.StatusCode, got)
	}
}

// TestRoutesWithAPIKeys carry no cookie, so that they are for every origin that has a key.
func TestRoutesWithAPIKeys(t *testing.T) {
	const key = "0123456789abcdef"
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, func(o *Options) {
		o.APIKeyFiles = map[string]string{"radio": file}
		o.Routes = append(o.Routes, Route{Path: "/radio/", Upstream: UpstreamSpotify, Credentials: AccountPrefix + "radio"})
	})
	foreign := []string{"Origin: " + foreignOrigin, "Sec-Fetch-Site: cross-site", "Cookie: " + ourCookie + "=x"}
	for _, c := range []struct {
		authorization string
		admitted      bool
	}{{"Bearer " + key, true}, {"Bearer 0123456789abcdeF", false}, {"", false}} {
		for _, method := range []string{"GET", "PUT"} {
			answer := s.do(method, "/radio/me", header(append(foreign, "Authorization: "+c.authorization)...), nil)
			if c.admitted {
				answer.ok(t, http.StatusNoContent)
			} else {
				answer.rejected(t, 401, "LOGIN_REQUIRED")
			}
			if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s with %q: allowed origin %q", method, c.authorization, got)
			}
			if got := strings.Join(answer.Header.Values("Vary"), ","); !strings.Contains(got, "Authorization") {
				t.Errorf("%s with %q: Vary is %q", method, c.authorization, got)
			}
		}
	}
	if got := len(s.api.all()); got != 2 {
		t.Errorf("Spotify saw %d requests, want the two with a key", got)
	}
	ask := []string{"Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization"}
	s.do("OPTIONS", "/radio/me", header(append(ask, "Origin: "+foreignOrigin)...), nil).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
	allowed := s.do("OPTIONS", "/radio/me", header(append(ask, "Origin: "+listedOrigin)...), nil)
	allowed.ok(t, http.StatusNoContent)
	if got := allowed.Header.Get("Access-Control-Allow-Headers"); got != "Authorization" {
		t.Errorf("allowed headers %q", got)
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
			answer.rejected(t, 403, "CROSS_ORIGIN_REFUSED")
		}
	}
	for _, path := range []string{"/auth/login", "/auth/logout", "/auth/token", "/auth/anything"} {
		s.do("POST", path, navigation, nil).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
		s.do("POST", path, header(), nil).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
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
	s.get("/auth/%2e%2e/api/me", nil).rejected(t, 404, "PATH_REFUSED")
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
		"refused path": s.get("/api/../me", loggedIn(listed)), "refused query": s.get("/api/me?\xff", loggedIn(listed)),
		"refused coding": s.get("/api/me", loggedIn(listed, "Content-Encoding: br")), "refused method": s.do("PATCH", "/api/me", loggedIn(listed), nil),
		"auth": s.get("/auth/session", header(listed)), "static": s.get("/auth/client.js", header(listed)),
	} {
		h := answer.Header
		if got := h.Values("Access-Control-Allow-Origin"); len(got) != 1 || got[0] != listedOrigin {
			t.Errorf("%s: allowed origin %q", name, got)
		}
		if h.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s: no credentials", name)
		}
		for _, exposed := range []string{"Retry-After", "Age", "Cache-Status", "Stagedoor-Reason"} {
			if !slices.Contains(strings.Split(h.Get("Access-Control-Expose-Headers"), ", "), exposed) {
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
			"Access-Control-Request-Headers: content-type,stagedoor-request, authorization,x-requested-with,sentry-trace,Cache-Control,"+
				`x"y,a b,(),,é,x-requested-with`), nil)
	}
	for _, path := range []string{"/api/me", "/auth/session", "/auth/logout"} {
		answer := ask(path, listedOrigin)
		answer.ok(t, http.StatusNoContent)
		h := answer.Header
		if got := h.Get("Access-Control-Allow-Headers"); got != "Content-Type, Stagedoor-Request, Authorization, X-Requested-With, Sentry-Trace, Cache-Control" {
			t.Errorf("%s: allowed headers %q", path, got)
		}
		if h.Get("Access-Control-Allow-Origin") != listedOrigin || h.Get("Access-Control-Allow-Credentials") != "true" ||
			h.Get("Access-Control-Max-Age") == "" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "DELETE") {
			t.Errorf("%s: %v", path, h)
		}
		if got := strings.Join(h.Values("Vary"), ","); !strings.Contains(got, "Access-Control-Request-Headers") || !strings.Contains(got, "Origin") {
			t.Errorf("%s: Vary is %q", path, got)
		}
		own := ask(path, s.public)
		own.ok(t, http.StatusNoContent)
		for name := range own.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: public_url's own origin, for which no browser asks, got %s", path, name)
			}
		}
		ask(path, foreignOrigin).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
		ask(path, "null").rejected(t, 403, "CROSS_ORIGIN_REFUSED")
	}
	ask("/auth/login", foreignOrigin).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
	if len(s.api.all()) != 0 {
		t.Error("a preflight was forwarded")
	}
	// A frontend answers its own.
	ask("/index.html", foreignOrigin).ok(t, 204)
	if got := s.frontend.one(t).Method; got != "OPTIONS" {
		t.Errorf("the frontend received %s", got)
	}
}

// TestPreflightsAreBounded in what they repeat.
func TestPreflightsAreBounded(t *testing.T) {
	s := newStage(t)
	var asked []string
	for i := range 3000 {
		asked = append(asked, fmt.Sprintf("x-%d", i))
	}
	answer := s.do("OPTIONS", "/api/me", header("Origin: "+listedOrigin, "Access-Control-Request-Method: PUT",
		"Access-Control-Request-Headers: "+strings.Join(asked, ",")), nil)
	answer.ok(t, http.StatusNoContent)
	if got := strings.Split(answer.Header.Get("Access-Control-Allow-Headers"), ", "); len(got) != 100 || got[0] != "X-0" {
		t.Errorf("%d headers are allowed, want %d", len(got), 100)
	}
}

func TestNoCORSWithoutListedOrigins(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Server.AllowedOrigins = nil })
	answer := s.get("/api/me", loggedIn("Origin: "+s.public))
	answer.ok(t, 204)
	if got := strings.Join(answer.Header.Values("Vary"), ","); got != "Cookie" {
		t.Errorf("Vary is %q", got)
	}
	s.get("/api/me", loggedIn("Origin: "+listedOrigin)).rejected(t, 403, "CROSS_ORIGIN_REFUSED")
}
