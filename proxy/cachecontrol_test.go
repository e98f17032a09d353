package proxy

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

// heldBack are headers that allow a shared cache something, each as an upstream may say it, and what becomes of Cache-Control.
var heldBack = map[string]string{
	"":                                                                            "private",
	"Cache-Control: public, max-age=7200":                                         "private, max-age=7200",
	"Cache-Control: max-age=1,Public":                                             "private, max-age=1",
	"Cache-Control: private, max-age=0":                                           "private, max-age=0",
	"Cache-Control: no-store":                                                     "private, no-store",
	"Cache-Control: max-age=60":                                                   "private, max-age=60",
	"Cache-Control: s-maxage=60":                                                  "private",
	"Cache-Control: S-MaxAge = 60 , Max-Age=30":                                   "private, max-age=30",
	"Cache-Control: must-understand, no-store, max-age=60":                        "private, no-store, max-age=60",
	"Cache-Control: proxy-revalidate, must-revalidate, max-age=60":                "private, must-revalidate, max-age=60",
	`Cache-Control: "public", max-age=60`:                                         "private, max-age=60",
	`Cache-Control: private="x-secret", s-maxage=60`:                              "private",
	`Cache-Control: no-cache="set-cookie, public", max-age=60`:                    "private, no-cache, max-age=60",
	`Cache-Control: max-age="60"`:                                                 "private, max-age=60",
	`Cache-Control: x="a, no-store, public`:                                       "private, no-store",
	"Cache-Control: no-store; public":                                             "private, no-store",
	"Cache-Control: max-age=60, max-age=7200, public, public":                     "private, max-age=60",
	"Cache-Control: max-age=abc, s-maxage=9":                                      "private, max-age=0",
	"Cache-Control: max-age=99999999999999999999":                                 "private, max-age=2147483648",
	"Cache-Control: , ,\tpublic ,\t,max-age=5":                                    "private, max-age=5",
	"Cache-Control: max-age=5\nCache-Control: PUBLIC\nCache-Control: x":           "private, max-age=5",
	"Cache-Control: max-age=9, stale-while-revalidate=3, immutable":               "private, immutable, max-age=9, stale-while-revalidate=3",
	"Cache-Control: community=\"all\", shared-cache-ok, public=1, =, \"":          "private",
	"Pragma: public":                                                              "private",
	"Pragma: x\nPragma: No-Cache\nCache-Control: max-age=4":                       "private, no-cache, max-age=4",
	"Date: Sat, 28 Nov 2026 12:00:00 GMT\nExpires: Sat, 28 Nov 2026 12:01:00 GMT": "private, max-age=60",
	"Date: Sat, 28 Nov 2026 12:00:00 GMT\nExpires: Sat, 28 Nov 2026 11:01:00 GMT": "private, max-age=0",
	"Date: Sat, 28 Nov 2026 12:00:00 GMT\nExpires: Sat, 28 Nov 2026 12:01:00 GMT\nCache-Control: no-cache, max-age=7": "private, no-cache, max-age=7",
	"Expires: 0": "private, max-age=0",
	"CDN-Cache-Control: max-age=60\nX-LiteSpeed-Cache-Control: public\nSurrogate-Control: max-age=60\nEdge-Control: cache-maxage=1h\nX-Accel-Expires: 60\nCache-Groups: \"a\"\nCache-Group-Invalidation: \"a\"": "private",
}

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
	lines := strings.Split(strings.Trim(strings.Join(sortedKeys(heldBack), "\n"), "\n"), "\n")
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
