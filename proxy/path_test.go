package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stagedoor/proxy/proxytest"
)

func TestPathIsForwardedAsItWasChecked(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct{ sent, received string }{
		{"/api/me", "/v1/me"},
		{"/api", "/v1"},
		{"/api/", "/v1"},
		{"/api/?x", "/v1?x"},
		{"/api/me/", "/v1/me"},
		{"/%61pi/m%65/", "/v1/me"},
		{"/api/tracks/?ids=a/", "/v1/tracks?ids=a/"},
		{"/api/a+b/c%2Bd", "/v1/a+b/c%2Bd"},
		{"/api/c%2bd|", "/v1/c%2Bd%7C"},
		{"/api/%E9%9F%B3(x)/%28x%29/\u97f3", "/v1/%E9%9F%B3(x)/%28x%29/%E9%9F%B3"},
		{"/%61pi/%6De", "/v1/me"},
		{"/api/users/J%C3%BCrgen", "/v1/users/J%C3%BCrgen"},
		{"/api/users/a%20b", "/v1/users/a%20b"},
		{"/api/users/100%25", "/v1/users/100%25"},
		{"/api/users/what%3F", "/v1/users/what%3F"},
		{"/api/users/a%23b", "/v1/users/a%23b"},
		{"/api/tracks/a,b:c", "/v1/tracks/a,b:c"},
		{"/api/tracks/...", "/v1/tracks/..."},
	} {
		s.api.requests = nil
		answer := s.raw("GET " + c.sent + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: stagedoor=1\r\n\r\n")
		answer.ok(t, http.StatusNoContent)
		if got := s.api.one(t).RequestURI; got != c.received {
			t.Errorf("%s: Spotify saw %s, want %s", c.sent, got, c.received)
		}
	}
}

// refusedPaths are ways in which one path can look like another.
var refusedPaths = append(proxytest.Lines("testdata/paths.txt"), "/api/"+strings.Repeat("a", int(DefaultServerConfig().MaxPath)))

func TestPathsThatMeanSeveralThingsAreRefused(t *testing.T) {
	s := newStage(t)
	for _, path := range refusedPaths {
		answer := s.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: stagedoor=1\r\n\r\n")
		answer.rejected(t, http.StatusNotFound, "PATH_REFUSED")
		if t.Failed() {
			t.Fatalf("path %.80s", path)
		}
	}
	if n := len(s.api.all()); n != 0 {
		t.Errorf("Spotify saw %d requests, want none", n)
	}
}

// TestEveryOctetOfAPath sends each octet in a segment, escaped and bare, and reads the request line that Spotify got: what
// has a meaning bare and another escaped is forwarded as it was written.
func TestEveryOctetOfAPath(t *testing.T) {
	s := newStage(t)
	const (
		unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
		delimiters = "!$&'()*+,=:@"
	)
	for octet := range 256 {
		char := string([]byte{byte(octet)})
		escaped := fmt.Sprintf("%%%02X", octet)
		for _, c := range []struct{ sent, want string }{
			{escaped, escaped}, {strings.ToLower(escaped), escaped}, {char, escaped},
		} {
			bare := c.sent == char
			if bare && (octet <= ' ' || octet == 0x7f) { // no request line holds them
				continue
			}
			switch {
			case strings.Contains(unreserved, char):
				c.want = char
			case strings.Contains(delimiters, char) && bare:
				c.want = char
			case strings.Contains("/\\;", char) && !bare, strings.Contains("\\;", char), octet < ' ', octet >= 0x7f: // alone they are not UTF-8
				c.want = ""
			case strings.Contains("?/%", char): // another target, or none
				continue
			}
			s.api.requests = nil
			answer := s.raw("GET /api/x" + c.sent + "y HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: stagedoor=1\r\n\r\n")
			got := "" // nothing
			if len(s.api.all()) > 0 {
				got = s.api.one(t).RequestURI
			}
			if want := "/v1/x" + c.want + "y"; c.want != "" && got != want || c.want == "" && got != "" {
				t.Errorf("x%qy: Spotify saw %q, want %q", c.sent, got, want)
			}
			if reason := answer.Header.Get("Stagedoor-Reason"); c.want == "" && answer.StatusCode != 400 && reason != "PATH_REFUSED" {
				t.Errorf("x%qy: %d %s, want a refusal", c.sent, answer.StatusCode, reason)
			}
		}
	}
}

// TestFrontendGetsThePathAsItWasWritten also where a bare octet that no path may hold makes Go encode it anew.
func TestFrontendGetsThePathAsItWasWritten(t *testing.T) {
	s := newStage(t)
	for sent, want := range map[string]string{
		"/a%2Fb+%2B%21/": "/a%2Fb+%2B%21/", "/%61//x/": "/%61//x/", "/a%2Fb|%2B": "/a%2Fb%7C%2B", "/a%2fb\"": "/a%2Fb%22", "/\xff%2B": "/%FF%2B",
	} {
		s.frontend.requests = nil
		s.raw("GET "+sent+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok(t, http.StatusNoContent)
		if got := s.frontend.one(t).RequestURI; got != want {
			t.Errorf("%q: the frontend saw %q, want %q", sent, got, want)
		}
	}
}

func TestRefusedPathsAreNamed(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Routes[0].Allow = []string{"me"} })
	for path, want := range map[string]string{
		"/api/me//":                         `The path "/api/me//" has an empty segment.`,
		"/api/../me":                        `The path "/api/../me" has a dot segment.`,
		"/api/a%2Fb|":                       `The path "/api/a%2Fb%7C" has an encoded slash.`,
		"/api/%3Cb%3E\"\xff":                `The path "/api/%3Cb%3E%22%FF" has text that is not UTF-8.`,
		"/api/you":                          `The path "/api/you" has no match in the route's allow list.`,
		"/auth/session//":                   `The path "/auth/session//" has an empty segment.`,
		"/api/me?a=\xff":                    "The query has a blank, a control character or a character beyond ASCII; percent-encode it.",
		"/api/" + strings.Repeat("a", 3000): `The path "/api/` + strings.Repeat("a", maxQuotedPath-len("/api/")) + `…" has more than 2048 bytes.`,
	} {
		answer := s.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: stagedoor=1\r\n\r\n")
		var parsed struct{ Error struct{ Message string } }
		if err := json.Unmarshal([]byte(answer.body), &parsed); err != nil || parsed.Error.Message != want {
			t.Errorf("%.80q: %v, %s, want %s", path, err, answer.body, want)
		}
	}
}

func TestRoutesMatchWholeSegments(t *testing.T) {
	s := newStage(t, func(o *Options) {
		o.Routes = append(o.Routes, Route{Path: "/api/web", Upstream: o.Routes[1].Upstream, Credentials: CredentialsNone})
	})
	for path, toAPI := range map[string]bool{
		"/api/me": true, "/api": true, "/apix": false, "/API/me": false, "/x/api/me": false, "/api/web": false,
		"/api/web/x": false, "/api/webx": true, "/authx": false,
	} {
		before := len(s.api.all())
		s.get(path, loggedIn()).ok(t, http.StatusNoContent)
		if got := len(s.api.all()) > before; got != toAPI {
			t.Errorf("%s: to the API %v, want %v", path, got, toAPI)
		}
	}
}

func TestPathIsJudgedBeforeTheMethod(t *testing.T) {
	s := newStage(t, func(o *Options) {
		o.Routes[0].Methods = []string{"GET", "POST"}
		o.Routes[0].Allow = []string{"/me", "me/player/**", "playlists/*/items"}
	})
	for _, c := range []struct {
		method, path, reason string
		status               int
	}{
		{"GET", "/api/me", "", 204},
		{"GET", "/api/me/", "", 204},
		{"GET", "/api/me/player", "", 204},
		{"GET", "/api/me/player/", "", 204},
		{"GET", "/api/playlists/x/", "PATH_REFUSED", 404},
		{"POST", "/api/me/player/a/b", "", 204},
		{"GET", "/api/playlists/x/items", "", 204},
		{"GET", "/api/playlists/x", "PATH_REFUSED", 404},
		{"GET", "/api/playlists/x/items/y", "PATH_REFUSED", 404},
		{"GET", "/api/Me", "PATH_REFUSED", 404},
		{"GET", "/api/", "PATH_REFUSED", 404},
		{"PUT", "/api/me", "METHOD_REFUSED", 405},
		{"HEAD", "/api/me", "METHOD_REFUSED", 405},
		{"BREW", "/api/me", "METHOD_REFUSED", 405},
		{"get", "/api/me", "METHOD_REFUSED", 405},
		{"TRACE", "/api/me", "METHOD_REFUSED", 405},
		{"TRACE", "/auth/session", "METHOD_REFUSED", 405},
		{"TRACE", "/index.html", "METHOD_REFUSED", 405},
		{"PUT", "/api/you", "PATH_REFUSED", 404},
	} {
		answer := s.do(c.method, c.path, loggedIn(), nil)
		if got := answer.Header.Get("Stagedoor-Reason"); answer.StatusCode != c.status || got != c.reason {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, answer.StatusCode, got, c.status, c.reason)
		}
		if c.status == http.StatusMethodNotAllowed && answer.Header.Get("Allow") == "" {
			t.Errorf("%s %s: 405 without Allow", c.method, c.path)
		}
	}
	// Neither does a script without the header get to hear that it should send one.
	s.do("PATCH", "/api/me", header(), nil).rejected(t, 405, "METHOD_REFUSED")
	s.raw("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n").rejected(t, 405, "METHOD_REFUSED")
}

func TestRequestTargetsThatAreNoPaths(t *testing.T) {
	s := newStage(t)
	s.raw("GET http://evil.example/api/me HTTP/1.1\r\nHost: x\r\nCookie: stagedoor=1\r\n\r\n").ok(t, 204)
	if got := s.api.one(t).Host; got != strings.TrimPrefix(s.api.URL, "http://") {
		t.Errorf("Host %q", got)
	}
	s.raw("GET http://evil.example HTTP/1.1\r\nHost: x\r\n\r\n").ok(t, 204)
	s.raw("GET x:http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n").rejected(t, 404, "PATH_REFUSED")
	s.raw("GET evil.example:80 HTTP/1.1\r\nHost: x\r\n\r\n").rejected(t, 404, "PATH_REFUSED")
	s.raw("GET * HTTP/1.1\r\nHost: x\r\n\r\n").rejected(t, 405, "METHOD_REFUSED")
	s.raw("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").ok(t, 200) // net/http's own answer
}
