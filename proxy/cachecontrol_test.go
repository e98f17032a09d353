package proxy

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"stagedoor/proxy/proxytest"
)

// heldBack are headers that allow a shared cache something, each as an upstream may say it, and what becomes of Cache-Control.
var heldBack = proxytest.Map("testdata/cachecontrol.json")

// TestAnswersAreThisUsersAlone says each of them with every kind of status.
func TestAnswersAreThisUsersAlone(t *testing.T) {
	routes := func(o *Options) {
		o.Routes = append(o.Routes, Route{Path: "/app/", Upstream: UpstreamSpotify, Credentials: CredentialsApp},
			Route{Path: "/box/", Upstream: UpstreamSpotify, Credentials: AccountPrefix + "radio", Methods: []string{"GET"}, Allow: []string{"me"}})
	}
	for _, path := range []string{"/api/me", "/app/me", "/box/me"} {
		shared := newStage(t, routes)
		for sent, want := range heldBack {
			for _, status := range []int{200, 203, 204, 206, 300, 301, 304, 404, 410, 414, 429, 500, 501} {
				s := shared
				if status == http.StatusTooManyRequests { // which closes the gate
					s = newStage(t, routes)
				}
				s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
					setAll(w.Header(), strings.Split("Vary: Accept-Encoding\nETag: W/\"1\"\n"+strings.TrimSpace(sent), "\n"), "")
					delete(w.Header(), "")
					w.WriteHeader(status)
				})
				answer := s.get(path, loggedIn(`If-None-Match: W/"1"`))
				answer.ok(t, status)
				if got := answer.Header["Cache-Control"]; len(got) != 1 || got[0] != want {
					t.Errorf("%s, %d: %q became %q, want %q", path, status, sent, got, want)
				}
				for name := range answer.Header {
					if name == "Expires" || name == "Pragma" || strings.Contains(name, "-Control") && !strings.HasPrefix(name, "Cache-") ||
						strings.HasPrefix(name, "Cache-Group") || strings.HasPrefix(name, "X-Accel-") {
						t.Errorf("%s, %d: %s passed", path, status, name)
					}
				}
				vary := strings.Join(answer.Header.Values("Vary"), ", ")
				// Without API keys no answer depends on Authorization.
				if vary != "Accept-Encoding, Cookie, Origin" || answer.Header.Get("ETag") != `W/"1"` {
					t.Errorf("%s: Vary %q, ETag %q", path, vary, answer.Header.Get("ETag"))
				}
			}
		}
	}
}

// TestOwnAnswersAreStoredNowhere looks at what the gateway itself says on such a route.
func TestOwnAnswersAreStoredNowhere(t *testing.T) {
	s := newStage(t)
	for name, answer := range map[string]answered{
		"no session":   s.get("/api/me", nil),
		"a person":     s.get("/api/me", header("Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none")),
		"a bad path":   s.get("/api/a//b", loggedIn()),
		"a bad method": s.do("PATCH", "/api/me", loggedIn(), nil),
		"another site": s.get("/api/me", loggedIn("Origin: "+foreignOrigin)),
	} {
		if got := answer.Header.Get("Cache-Control"); answer.StatusCode < 300 || got != "no-store" {
			t.Errorf("%s: %d with Cache-Control %q", name, answer.StatusCode, got)
		}
	}
}

// TestNothingBesideTheAnswerSpeaksToCaches says all of them in 1xx headers and in trailers.
func TestNothingBesideTheAnswerSpeaksToCaches(t *testing.T) {
	s := newStage(t)
	lines := strings.Split(strings.Trim(strings.Join(slices.Sorted(maps.Keys(heldBack)), "\n"), "\n"), "\n")
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		setAll(w.Header(), lines, "")
		w.Header().Set("X-Early", "1")
		w.WriteHeader(http.StatusEarlyHints)
		clear(w.Header())
		_, _ = io.WriteString(w, "body")
		_ = http.NewResponseController(w).Flush()
		setAll(w.Header(), lines, http.TrailerPrefix)
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
	})
	beside := http.Header{}
	r, _ := http.NewRequest("GET", "http://"+s.addr+"/api/me", nil)
	r.Header = loggedIn()
	answer := s.send(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { maps.Copy(beside, http.Header(h)); return nil },
	})))
	maps.Copy(beside, answer.Trailer)
	if beside.Get("X-Early") != "1" || beside.Get("X-Late") != "1" || answer.Header.Get("Cache-Control") != "private" {
		t.Errorf("%v, beside it %v", answer.Header, beside)
	}
	for name, values := range beside {
		if name == "Expires" || name == "Pragma" || strings.Contains(name, "Cache") || strings.Contains(name, "Control") {
			t.Errorf("beside the answer stands %s: %q", name, values)
		}
	}
}
