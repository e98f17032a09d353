package policy

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"stagedoor/proxy/proxytest"
)

// narrowPaths are what a route with this allow list may reach, said in another way than allow.go does.
var (
	narrowAllow = []string{"me", "me/player/**", "playlists/*/items"}
	narrowPaths = regexp.MustCompile(`^/v1/(me|me/player(/.+)?|playlists/[^/]+/items)$`)
)

// FuzzPath looks for a request target that passes and leads anywhere but to the Web API, to a path that its route does not
// allow, or to one that could be read in two ways.
func FuzzPath(f *testing.F) {
	for _, path := range proxytest.Lines("../testdata/paths.txt") {
		f.Add(path)
		f.Add(strings.Replace(path, "/api/", "/narrow/me/player/", 1))
	}
	for _, target := range []string{
		"/api/me", "/api/users/J%C3%BCrgen/100%25", "/narrow/me", "/narrow/me/player/x/y", "/narrow/playlists/%20/items", "/narrow/tracks?/../me",
		"http://evil.example/api/me", "http://u:p@evil.example/narrow/me?x", "x:/api/me", "x:api/me", "/api/\uff0e\uff0e/x", "/api?x", "*", "evil.example:80",
	} {
		f.Add(target)
	}
	routes := []struct {
		prefix string
		allow  AllowList
	}{{"/api", nil}, {"/narrow", NewAllowList(narrowAllow)}}
	base := &url.URL{Scheme: "https", Host: "api.example", Path: "/v1"}
	f.Fuzz(func(t *testing.T, target string) {
		in, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		for _, a := range routes {
			if !Below(in.Path, a.prefix) {
				continue
			}
			path, err := NewPath(in, a.prefix)
			if err != nil || !a.allow.Allows(path.Decoded) || CheckQuery(in.RawQuery) != nil {
				continue
			}
			out := path.URL(base, in)
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
			if a.allow != nil && !narrowPaths.MatchString(out.Path) {
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

// astray reads what leaves as a suspicious server would, and says why it is not exactly the path that was checked.
func astray(out *url.URL, checked string) error {
	if out.Scheme != "https" || out.Host != "api.example" || out.User != nil || out.Opaque != "" {
		return fmt.Errorf("it goes to another place")
	}
	again, err := url.ParseRequestURI(out.RequestURI())
	if err != nil {
		return err
	}
	if again.Host != "" || !Below(again.Path, "/v1") {
		return fmt.Errorf("it is outside of the Web API")
	}
	if again.Path != "/v1"+checked || again.EscapedPath() != out.EscapedPath() {
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
