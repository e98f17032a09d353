package flows

import (
	"net/url"
	"strings"
	"testing"
)

// resolve says where a browser that is on an origin goes for a Location, after the URL Standard
// (https://url.spec.whatwg.org/#concept-basic-url-parser), as far as it matters to special schemes. It shares nothing
// with the code that it judges, net/url included. The origin is "scheme://host", or "scheme:" where there is no host; the
// path has its dot segments removed and is not decoded.
func resolve(origin, location string) (toOrigin, path string) {
	baseScheme, _, _ := strings.Cut(origin, ":")
	location = strings.TrimFunc(location, func(r rune) bool { return r <= ' ' })
	location = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(location)

	scheme, rest := baseScheme, location
	if i := schemeEnd(location); i >= 0 {
		scheme, rest = strings.ToLower(location[:i]), location[i+1:]
		if !isSpecial(scheme) {
			return scheme + ":", rest
		}
		if scheme != baseScheme { // any number of slashes, none included, begins a host
			return authority(scheme, strings.TrimLeft(rest, `/\`))
		}
	}
	hostBegins := len(rest) >= 2 && isSlash(rest[0]) && isSlash(rest[1])
	if hostBegins {
		return authority(scheme, strings.TrimLeft(rest, `/\`))
	}
	return origin, removeDots(rest)
}

// schemeEnd returns the index of the colon behind a scheme, or -1.
func schemeEnd(text string) int {
	for i, c := range []byte(text) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		other := c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'
		switch {
		case c == ':' && i > 0:
			return i
		case !letter && (i == 0 || !other):
			return -1
		}
	}
	return -1
}

func isSpecial(scheme string) bool {
	switch scheme {
	case "http", "https", "ws", "wss", "ftp", "file":
		return true
	}
	return false
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

func authority(scheme, rest string) (origin, path string) {
	end := strings.IndexAny(rest, `/\?#`)
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	host = host[strings.LastIndex(host, "@")+1:]
	return scheme + "://" + strings.ToLower(host), removeDots(rest[end:])
}

// removeDots is the path state of the URL Standard: empty segments stay.
func removeDots(text string) string {
	if end := strings.IndexAny(text, "?#"); end >= 0 {
		text = text[:end]
	}
	segments := strings.Split(strings.TrimPrefix(strings.ReplaceAll(text, `\`, "/"), "/"), "/")
	var kept []string
	for i, segment := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".":
			if last {
				kept = append(kept, "")
			}
		case "..":
			kept = kept[:max(0, len(kept)-1)]
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// The resolver is an oracle, so it has to be right itself: these are from the URL Standard's own tests.
func TestResolve(t *testing.T) {
	const origin = "http://127.0.0.1:8080"
	for location, want := range map[string]struct{ origin, path string }{
		"/a/b?c#d":               {origin, "/a/b"},
		"/a/../b/./c":            {origin, "/b/c"},
		"/a/%2e%2E/b":            {origin, "/b"},
		"/a/..":                  {origin, "/"},
		"/..//evil.example":      {origin, "//evil.example"},
		"/.//evil.example":       {origin, "//evil.example"},
		"/%2F/evil.example":      {origin, "/%2F/evil.example"},
		"//evil.example/a":       {"http://evil.example", "/a"},
		"///evil.example":        {"http://evil.example", "/"},
		`/\evil.example`:         {"http://evil.example", "/"},
		`\\evil.example`:         {"http://evil.example", "/"},
		"/\t/evil.example":       {"http://evil.example", "/"},
		"\n//evil.example":       {"http://evil.example", "/"},
		"//a:b@evil.example:81/": {"http://evil.example:81", "/"},
		"https:evil.example":     {"https://evil.example", "/"},
		"http:evil.example":      {origin, "/evil.example"}, // the base's own scheme: a relative path
		"HTTPS:/evil.example":    {"https://evil.example", "/"},
		"java\nscript:alert(1)":  {"javascript:", "alert(1)"},
		"data:text/html,a":       {"data:", "text/html,a"},
	} {
		if gotOrigin, path := resolve(origin, location); gotOrigin != want.origin || path != want.path {
			t.Errorf("resolve(%q) = %q, %q; want %q, %q", location, gotOrigin, path, want.origin, want.path)
		}
	}
}

// checkReturnPath reports what is wrong with a Location for a browser on origin, whatever it was made from.
func checkReturnPath(t *testing.T, origin, raw, got string) {
	t.Helper()
	toOrigin, path := resolve(origin, got)
	if toOrigin != origin {
		t.Errorf("returnPath(%q) = %q leaves %s for %s", raw, got, origin, toOrigin)
	}
	for _, c := range []byte(got) {
		if c <= ' ' || c >= 0x7f {
			t.Errorf("returnPath(%q) = %q has the byte %#x, which a Location header cannot carry", raw, got, c)
			break
		}
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		t.Errorf("returnPath(%q) = %q has a path that no server can decode", raw, got)
	}
	if decoded == "/auth/login" || decoded == "/auth/callback" {
		t.Errorf("returnPath(%q) = %q is the login itself", raw, got)
	}
}
