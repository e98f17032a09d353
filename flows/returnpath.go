package flows

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// maxReturnPath bounds a return path, in bytes.
const maxReturnPath = 2048

// returnPath returns where to go after a login: raw when it is a path on this origin, and "/" for anything that a browser
// could take for another place. It judges as browsers do (https://url.spec.whatwg.org/): a backslash is a slash, tabs and
// newlines are not there at all, and two slashes begin a host. The login itself is no place to come back to.
func returnPath(raw string) string {
	const start = "/"
	if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || len(raw) > maxReturnPath || !utf8.ValidString(raw) {
		return start
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return start
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return start
	}
	if clean := path.Clean(u.Path); clean == loginPath || clean == callbackPath {
		return start
	}
	return escapeForHeader(raw)
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
