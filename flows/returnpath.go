package flows

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// maxReturnTo bounds where a login leads, in bytes without the origin: the browser keeps it in a cookie.
const maxReturnTo = 1024

// returnTo returns where to go after a login: raw when it is a path on the first of the origins, which is our own, or an
// absolute URL of one of the origins; and "/" for anything else. An absolute URL begins with the origin, character by
// character but for case, and goes on with what must follow it, so that no two readers could see two hosts in it.
func returnTo(raw string, origins []string) string {
	for i, origin := range origins {
		if len(raw) < len(origin) || !strings.EqualFold(raw[:len(origin)], origin) {
			continue
		}
		rest := raw[len(origin):]
		if rest == "" || rest[0] == '?' || rest[0] == '#' {
			rest = "/" + rest
		}
		local, ok := localPath(rest)
		switch {
		case !ok:
			return "/"
		case i == 0:
			return local
		default:
			return origin + local
		}
	}
	return returnPath(raw)
}

// returnPath is returnTo for paths alone.
func returnPath(raw string) string {
	if local, ok := localPath(raw); ok {
		return local
	}
	return "/"
}

// localPath returns raw, fit for a header, when it is a path on the origin that it stands on, and not what a browser could
// take for another address. It parses as browsers do (https://url.spec.whatwg.org/): a backslash is a slash, tabs and newlines
// are ignored, and two slashes begin a host. The login itself is not a return path.
func localPath(raw string) (local string, ok bool) {
	if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || len(raw) > maxReturnTo || !utf8.ValidString(raw) {
		return "", false
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return "", false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	if clean := path.Clean(u.Path); clean == loginPath || clean == callbackPath {
		return "", false
	}
	local = escapeForHeader(raw)
	return local, len(local) <= maxReturnTo
}

// escapeForHeader percent-encodes what a Location header cannot carry and leaves the rest as it is.
func escapeForHeader(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
