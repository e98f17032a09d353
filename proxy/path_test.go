package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"stagedoor/proxy/quota"
)

func TestPathIsForwardedAsItWasJudged(t *testing.T) {
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
var refusedPaths = []string{
	"/api/../me", "/api/./me", "/api/..", "/api/.", "/api/%2e%2e/me", "/api/.%2E/me", "/api//me", "/api/me//", "/api//", "/api/me/./", "/api/me%2F",
	"/api/a%2Fb", "/api/a%2fb", "/api%2Fme", "/api/a\\b", "/api/a%5Cb", "/api/a%5cb", "/api/a;b", "/api/a%3Bb", "/api/me;v=1/x",
	"/api/a%00b", "/api/a%0ab", "/api/a%0D", "/api/a%7F", "/api/a%C2%85b", "/api/a%FFb", "/api/a%C0%AEb",
	"/api/%252e%252e/me", "/api/a%252Fb", "/api/a%25%32%66b", "/api/%2500", `/api/a%2Fb"`, "/api/a%2Fb|",
	"/api/" + strings.Repeat("a", int(DefaultServerConfig().MaxPath)),
}

func TestPathsThatMeanSeveralThingsAreRefused(t *testing.T) {
	s := newStage(t)
	for _, path := range refusedPaths {
		answer := s.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: stagedoor=1\r\n\r\n")
		answer.refused(t, http.StatusNotFound, "PATH_REFUSED")
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
		var told struct{ Error struct{ Message string } }
		if err := json.Unmarshal([]byte(answer.body), &told); err != nil || told.Error.Message != want {
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
	s.do("PATCH", "/api/me", header(), nil).refused(t, 405, "METHOD_REFUSED")
	s.raw("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n").refused(t, 405, "METHOD_REFUSED")
}

func TestRequestTargetsThatAreNoPaths(t *testing.T) {
	s := newStage(t)
	s.raw("GET http://evil.example/api/me HTTP/1.1\r\nHost: x\r\nCookie: stagedoor=1\r\n\r\n").ok(t, 204)
	if got := s.api.one(t).Host; got != strings.TrimPrefix(s.api.URL, "http://") {
		t.Errorf("Host %q", got)
	}
	s.raw("GET http://evil.example HTTP/1.1\r\nHost: x\r\n\r\n").ok(t, 204)
	s.raw("GET x:http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n").refused(t, 404, "PATH_REFUSED")
	s.raw("GET evil.example:80 HTTP/1.1\r\nHost: x\r\n\r\n").refused(t, 404, "PATH_REFUSED")
	s.raw("GET * HTTP/1.1\r\nHost: x\r\n\r\n").refused(t, 405, "METHOD_REFUSED")
	s.raw("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").ok(t, 200) // net/http's own answer
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, rest string
		want          bool
	}{
		{"me", "/me", true}, {"/me", "/me", true}, {"me", "/me/x", false}, {"me", "", false},
		{"*", "/x", true}, {"*", "", false}, {"*", "/x/y", false},
		{"**", "", true}, {"**", "/", true}, {"**", "/a/b", true},
		{"me/**", "/me", true}, {"me/**", "/me/a/b", true}, {"me/**", "/mex", false},
		{"a/*/c", "/a/b/c", true}, {"a/*/c", "/a/c", false},
		{"", "", true}, {"/", "/", true}, {"/", "/a", false},
	} {
		if got := newAllowList([]string{c.pattern}).allows(c.rest); got != c.want {
			t.Errorf("%q allows %q: %v, want %v", c.pattern, c.rest, got, c.want)
		}
	}
	if !newAllowList(nil).allows("/anything") {
		t.Error("an empty list must allow everything")
	}
}

// narrowPaths are what a route with this allow list may reach, said in another way than pattern.go does.
var (
	narrowAllow = []string{"me", "me/player/**", "playlists/*/items"}
	narrowPaths = regexp.MustCompile(`^/v1/(me|me/player(/.+)?|playlists/[^/]+/items)$`)
)

// FuzzPath looks for a request target that passes and leads anywhere but to the Web API, to a path that its route does not
// allow, or to one that could be read in two ways.
func FuzzPath(f *testing.F) {
	for _, path := range refusedPaths {
		f.Add(path)
		f.Add(strings.Replace(path, "/api/", "/narrow/me/player/", 1))
	}
	for _, target := range []string{
		"/api/me", "/api/users/J%C3%BCrgen/100%25", "/narrow/me", "/narrow/me/player/x/y", "/narrow/playlists/%20/items", "/narrow/tracks?/../me",
		"http://evil.example/api/me", "http://u:p@evil.example/narrow/me?x", "x:/api/me", "x:api/me", "/api/\uff0e\uff0e/x", "/api?x", "*", "evil.example:80",
	} {
		f.Add(target)
	}
	all, err := newAPIRoute(Route{Path: "/api/"}, fuzzParts())
	if err != nil {
		f.Fatal(err)
	}
	narrow, err := newAPIRoute(Route{Path: "/narrow/", Allow: narrowAllow}, fuzzParts())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		in, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		for _, a := range []*apiRoute{all, narrow} {
			if !below(in.Path, a.prefix) {
				continue
			}
			path, err := a.check(in)
			if err != nil {
				continue
			}
			out := a.target(path, in)
			if err := astray(out, strings.TrimSuffix(strings.TrimPrefix(in.Path, a.prefix), "/")); err != nil {
				t.Errorf("%q passed as %s: %v", target, out, err)
			}
			sent, _, _ := strings.Cut(strings.TrimPrefix(target, in.Scheme+"://"+in.Host), "?")
			if got, want := delimiters(out.EscapedPath()), delimiters(sent); !strings.HasSuffix(want, got) {
				t.Errorf("%q passed as %s: the delimiters of its path became %s", target, out, got)
			}
			if strings.ContainsFunc(out.RequestURI(), func(r rune) bool { return r <= ' ' || r > '~' }) {
				t.Errorf("%q passed as %q, which no request line may hold", target, out.RequestURI())
			}
			if a == narrow && !narrowPaths.MatchString(out.Path) {
				t.Errorf("%q passed as %s, which the route does not allow", target, out)
			}
		}
	})
}

// delimiter is one of the characters that mean one thing bare and may mean another escaped (RFC 3986 section 2.2).
var delimiter = regexp.MustCompile("(?i)[!$&'()*+,;=:@]|%(21|24|26|27|28|29|2A|2B|2C|3B|3D|3A|40|3F)")

// delimiters are those of a path, in their order, each as it is written.
func delimiters(path string) string {
	return strings.ToUpper(strings.Join(delimiter.FindAllString(path, -1), ""))
}

func fuzzParts() parts {
	return parts{
		Options: Options{Metrics: noMetrics{}, Quota: quota.New(quota.Options{})},

		api:    &url.URL{Scheme: "https", Host: "api.example", Path: "/v1"},
		public: &url.URL{Scheme: "https", Host: "app.example"},
	}
}

// astray reads what leaves as a suspicious server would, and says why it is not exactly the path that was judged.
func astray(out *url.URL, judged string) error {
	if out.Scheme != "https" || out.Host != "api.example" || out.User != nil || out.Opaque != "" {
		return fmt.Errorf("it goes to another place")
	}
	again, err := url.ParseRequestURI(out.RequestURI())
	if err != nil {
		return err
	}
	if again.Host != "" || !below(again.Path, "/v1") {
		return fmt.Errorf("it is outside of the Web API")
	}
	if again.Path != "/v1"+judged || again.EscapedPath() != out.EscapedPath() {
		return fmt.Errorf("it is decoded as %q", again.Path)
	}
	if !utf8.ValidString(again.Path) || strings.ContainsAny(again.Path, "\\;\x00\r\n") {
		return fmt.Errorf("it has a character that servers read in different ways")
	}
	if twice, err := url.PathUnescape(again.Path); err == nil && twice != again.Path {
		return fmt.Errorf("it can be decoded twice, to %q", twice)
	}
	if clean := again.JoinPath().Path; clean != again.Path {
		return fmt.Errorf("a server would normalise it to %q", clean)
	}
	if strings.Contains(strings.ToLower(out.EscapedPath()), "%2f") {
		return fmt.Errorf("it has an encoded slash")
	}
	return nil
}
