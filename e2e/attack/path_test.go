package attack

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// pathAttack is a request target that shall reach what it may not, and what becomes of it.
type pathAttack struct {
	target string
	// leaves is the target that Spotify sees; empty for nothing.
	leaves string
	// elsewhere is no path of an API route: the frontend may have it.
	elsewhere bool
}

// atom is a way to write a dot segment or a slash.
type atom struct {
	sent string
	// leaves is how it goes to Spotify, as a part of one segment; empty for what is never forwarded.
	leaves string
	// special ones mean something to servers: a slash that separates, a segment that climbs when it stands alone.
	special bool
}

// dots are ways to write "..".
func dots() []atom {
	written := []atom{
		{"..", "..", true}, {".", ".", true}, {"%2e%2e", "..", true}, {"%2E%2E", "..", true}, {"%2e.", "..", true},
		{".%2E", "..", true},
		// Other characters, and other segments: they are what they are, and stay it.
		{"...", "...", false}, {"%2e%2e%2e", "...", false}, {"..%20", "..%20", false},
		{"%ef%bc%8e%ef%bc%8e", "%EF%BC%8E%EF%BC%8E", false}, {"\uff0e\uff0e", "%EF%BC%8E%EF%BC%8E", false},
		{"%e2%80%a4%e2%80%a4", "%E2%80%A4%E2%80%A4", false},
	}
	for _, refused := range []string{
		"%252e%252e", "%25252e%25252e", "%252E.", "%25%32%65%25%32%65", "%c0%ae%c0%ae", "%c0%2e%c0%2e",
		"%e0%80%ae%e0%80%ae", "%f0%80%80%ae%f0%80%80%ae", "%f8%80%80%80%ae", "\xc0\xae\xc0\xae", "%u002e%u002e",
		"%uff0e%uff0e", "%ed%a0%ae", "..%ff", "..;", "..;a=b", "%2e%2e%3b", ";..", "..%00", "%00..", ".%00.",
		"..%2500", "..%0a", "..%0d%0a", "..%09", "..%7f", "..%c2%85", "..\\", "..%5c", "%5c..",
	} {
		written = append(written, atom{sent: refused})
	}
	return written
}

// slashes are ways to write "/".
func slashes() []atom {
	written := []atom{
		{"/", "/", true}, {"%ef%bc%8f", "%EF%BC%8F", false}, {"%e2%88%95", "%E2%88%95", false},
		{"%ef%bc%bc", "%EF%BC%BC", false}, {"\uff0f", "%EF%BC%8F", false},
	}
	for _, refused := range []string{
		"%2f", "%2F", "%252f", "%25252F", "\\", "%5c", "%5C", "%255c", "%c0%af", "%e0%80%af", "%c1%9c", "\xc0\xaf",
		"%u2215", "%u002f", "%%32%66", "%bg%qf", "//", "/./", "/%2e/", "/;/", ";/", "/;x=1/", "%3b/", "/%00/", "/%",
		"/%2",
	} {
		written = append(written, atom{sent: refused})
	}
	return written
}

// climb writes begin, slash, dot, slash, dot, slash, end.
func climb(begin, leavesBegin string, slash, dot atom, end string) pathAttack {
	a := pathAttack{target: begin + slash.sent + dot.sent + slash.sent + dot.sent + slash.sent + end}
	if slash.leaves != "" && dot.leaves != "" && (!slash.special || !dot.special) {
		s, d := slash.leaves, dot.leaves
		a.leaves = leavesBegin + s + d + s + d + s + end
	}
	return a
}

// climbing are all ways to write a path that climbs, in the places where that would lead to another place.
func climbing() []pathAttack {
	var found []pathAttack
	each := func(slash, dot atom) {
		found = append(found, climb("/api/me", "/v1/me", slash, dot, "api/token"))
		inside := climb("/narrow/me/player", "", slash, dot, "tracks")
		inside.leaves = "" // whatever it means, the route does not allow it
		found = append(found, inside)
	}
	plainSlash, plainDot := slashes()[0], dots()[0]
	for i, dot := range dots() {
		each(plainSlash, dot)
		each(slashes()[i%len(slashes())], dot)
		found = append(found, climb("/api", "/v1", plainSlash, dot, "authorize"))
		for _, begin := range []string{"", "/x", "/auth"} { // the frontend's, and the login's
			outside := climb(begin, "", plainSlash, dot, "api/me")
			outside.leaves, outside.elsewhere = "", true
			found = append(found, outside)
		}
	}
	for _, slash := range slashes() {
		each(slash, plainDot)
		// Where it is no separator, the prefix is another.
		for _, begin := range []string{"", "/x", "/auth", "/api", "/narrow"} {
			outside := climb(begin, "", slash, plainDot, "api/me")
			outside.leaves, outside.elsewhere = "", true
			found = append(found, outside)
		}
	}
	return found
}

// pickedPaths are single ideas.
func pickedPaths() []pathAttack {
	var found []pathAttack
	for _, refused := range []string{
		"/api/..", "/api/.", "/api/me/..", "/api/me/.", "/api/me//", "/api//", "/api//me", "/api/me//player",
		"/api%2fme", "/api/me%2fplayer", "/api/..%2f..%2fapi/token", "/api/%2e%2e%2fauthorize",
		"/api/..%5capi%5ctoken", "/api/;/me", "/api/me;", "/api/me;v=1/player", "/api/;", "/api/me%3Bx", "/api/%00",
		"/api/me%00", "/api/me%00.json", "/api/me%0d%0aHost:%20evil.example", "/api/me%0a", "/api/me%7f",
		"/api/%ff%fe", "/api/me%c3", "/api/\xff", "/api/me%25%32%65", "/api/%2525", "/api/me%252f", "/api/me%2500",
		"/api/%25%36%64e", "/api/me%", "/api/me%zz", "/api/me%2", "/api/me\\", "/api/\\..\\..\\api\\token",
		"/api/" + strings.Repeat("a", 3000),
		"/api/" + strings.Repeat("../", 500) + "api/token", "/api/" + strings.Repeat("%2e%2e/", 200) + "api/token",
		"/api/" + strings.Repeat("x/", 5000), "/api/" + strings.Repeat("%41", 1500),
		// The route allows me and me/player.
		"/narrow/", "/narrow", "/narrow/Me", "/narrow/ME", "/narrow/me%20", "/narrow/%20me", "/narrow/me.",
		"/narrow/me.json", "/narrow/me//", "/narrow/me/player//", "/narrow/me//player", "/narrow/me/tracks",
		"/narrow/me/player/next", "/narrow/playlists/x", "/narrow/tracks", "/narrow/me%2Fplayer", "/narrow/me%3F",
		"/narrow/me%3Fx=1", "/narrow/me%23", "/narrow/me#", "/narrow/me#/../tracks", "/narrow/*", "/narrow/**",
		"/narrow/me/*", "/narrow/me,tracks", "/narrow/me&tracks", "/narrow/tracks/../me", "/narrow/tracks/%2e%2e/me",
		"/narrow/me/player%00", "/narrow/\uff4de", "/narrow/m%C3%A9", "/narrow/me%E2%80%8B", "/narrow/me%C2%A0",
		"/narrow/me%C2%AD", "/narrow/%EF%BB%BFme", "/narrow/api/me", "/narrow/v1/me", "/narrow/narrow/me",
		"/narrow/http://x/me", "/narrow/me?/../tracks#\x00",
	} {
		found = append(found, pathAttack{target: refused})
	}
	for _, elsewhere := range []string{
		"/API/me", "/Api/me", "/aPI/me", "/%41PI/me", "/NARROW/tracks", "/Narrow/me", "/api%20/me", "/api./me",
		"/.api/me", "/apii/me", "/ap%C4%B1/me", "/api%E2%80%8B/me", "/\uff41\uff50\uff49/me", "/apime", "/api-me",
		"/api:me", "/api,me", "/api&me", "/api=me", "/api%3F/me", "/api%23/me", "/api;/me", "/api;x/me", "/;/api/me",
		"/api\\me", "/\\api/me", "//api/me", "///api/me", "/./api/me", "/x/../api/me", "/x/%2e%2e/api/me",
		"/%2561pi/me", "/%2fapi/me", "/%5capi/me", "/%00/api/me", "/v1/me", "/v1/../api/me", "/me", "/auth/../api/me",
		"/auth/%2e%2e/api/me", "/auth/..;/api/me", "/auth//api/me", "/auth/session/../../api/me",
		"/auth/login/..%2f..%2fapi/me", "/auth;/api/me", "/AUTH/session", "/authorize", "/_simulator/users",
		"/..%2fapi%2fme", "/page?next=/api/me", "/page#/api/me", "/?/api/me", "/#/api/me",
	} {
		found = append(found, pathAttack{target: elsewhere, elsewhere: true})
	}
	for target, leaves := range map[string]string{ // one meaning, one spelling
		"/%61%70%69/me": "/v1/me", "/ap%69/%6d%65": "/v1/me", "/%6Earrow/%6de": "/v1/me", "/narrow/me%2": "",
		"/api/me?": "/v1/me?", "/narrow/me?x=/../tracks": "/v1/me?x=/../tracks",
		"/narrow/me?/../../api/token":    "/v1/me?/../../api/token",
		"/api/me?a=%2e%2e%2f;b=%00&c=\\": "/v1/me?a=%2e%2e%2f;b=%00&c=\\", "/api/me#/../../api/token": "",
		"/api/me/": "/v1/me", "/narrow/me/": "/v1/me", "/narrow/me/player/": "/v1/me/player", "/api/me/?x=/": "/v1/me?x=/", "/api/": "/v1",
		"/api/a+b%2B%2f|": "", "/api/a+b%2b|": "/v1/a+b%2B%7C", "/api/a%3Db=%26&%24$%2C,%3A:%40@%21!%27'%28(%29)%2A*": "/v1/a%3Db=%26&%24$%2C,%3A:%40@%21!%27'%28(%29)%2A*",
		"/api/me#x": "/v1/me%23x", "/api/me%23x": "/v1/me%23x", "/api/me%3Fx=1": "/v1/me%3Fx=1",
		"/api/100%25": "/v1/100%25", "/api/api/me": "/v1/api/me", "/api/API": "/v1/API", "/api/v1/me": "/v1/v1/me",
		"/api/@evil.example": "/v1/@evil.example", "/api/:80": "/v1/:80", "/api/..me": "/v1/..me",
		"/api/me..": "/v1/me..", "/api/me?access_token=stolen": "/v1/me",
		"/api/me?x=1&%61ccess_token=stolen": "/v1/me?x=1", "/api/me?ACCESS_TOKEN=a;access_token=b": "/v1/me",
	} {
		found = append(found, pathAttack{target: target, leaves: leaves})
	}
	slices.SortFunc(found, func(a, b pathAttack) int { return strings.Compare(a.target, b.target) })
	return found
}

// TestAttackPaths sends every way to write a path that means something else, by HTTP/1.1 and HTTP/2, plain and over TLS.
// Spotify sees what the contract calls one and the same thing, or nothing.
func TestAttackPaths(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "paths")
	corpus := append(pickedPaths(), climbing()...)
	for _, w := range b.ways {
		for n, c := range corpus {
			if !w.takes(n) {
				continue
			}
			o := b.send(w, request{method: http.MethodGet, target: c.target})
			if w.http2 && len(o.answers) == 0 && o.refused() { // the target is no path at all
				attacks.expect(c.leaves == "", "%s: %.300q was not answered", w.name, c.target)
				continue
			}
			fault := stage.Or(strings.Join(b.breaches(o), ", "), c.problem(o))
			attacks.expect(fault == "", "%s: %.300q: %s: %v", w.name, c.target, fault, o)
		}
		b.control(w)
	}
}

// problem says what is wrong with the aftermath of a path; "" for nothing.
func (c pathAttack) problem(o aftermath) string {
	said := o.status()
	switch {
	case c.leaves != "":
		if !o.left(http.MethodGet, c.leaves) {
			return fmt.Sprintf("Spotify should see %s", c.leaves)
		}
	case len(o.spotify) > 0:
		return "Spotify should see nothing"
	case c.elsewhere && len(o.frontend) > 0:
		if !sameMeaning(o.frontend[0].target, c.target) {
			return "the frontend should see what was sent"
		}
	case said == http.StatusBadRequest:
	case said != http.StatusNotFound || !strings.Contains(o.answers[0].Body, "PATH_REFUSED"):
		return "it should be refused with 400, or 404 PATH_REFUSED"
	}
	return ""
}

// sameMeaning tells whether two targets are the same once they are decoded: what a client wrote sloppily, such as a raw
// backslash, is encoded on its way.
func sameMeaning(a, b string) bool {
	decodedA, errA := url.PathUnescape(a)
	decodedB, errB := url.PathUnescape(b)
	return errA == nil && errB == nil && decodedA == decodedB
}
