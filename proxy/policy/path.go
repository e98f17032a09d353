package policy

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Path is a checked path below a route's prefix: empty, or a slash and segments, without a slash at its end. Both
// fields say the same: one is for decisions, the other is what Spotify sees.
type Path struct {
	Decoded string
	Escaped string // as spellPath writes it
}

// NewPath checks the path of a request to the route with this prefix, which has no slash at its end. The error says
// what is wrong, such as "an empty segment". Many clients write me/ for me, so that one slash at the very end is taken
// off before anything else is decided.
func NewPath(u *url.URL, prefix string) (Path, error) {
	decoded := strings.TrimSuffix(strings.TrimPrefix(u.Path, prefix), "/")
	if err := CheckPath(u, decoded); err != nil {
		return Path{}, err
	}
	escaped := strings.TrimSuffix(spellPath(writtenPath(u)), "/")
	// No slash is escaped, so that both forms have the same segments.
	return Path{Decoded: decoded, Escaped: withoutSegments(escaped, strings.Count(prefix, "/"))}, nil
}

// URL returns where a request leads: the path below a base without a slash at its end, with the query of the request's own URL
// but for access tokens.
func (p Path) URL(base, in *url.URL) *url.URL {
	return &url.URL{
		Scheme: base.Scheme, Host: base.Host, Path: base.Path + p.Decoded, RawPath: base.EscapedPath() + p.Escaped,
		RawQuery: WithoutAccessToken(in.RawQuery), ForceQuery: in.ForceQuery,
	}
}

// withoutSegments returns an absolute path without its first n segments.
func withoutSegments(path string, n int) string {
	for range n {
		end := strings.IndexByte(path[1:], '/')
		if end < 0 {
			return ""
		}
		path = path[1+end:]
	}
	return path
}

// CheckPathLength rejects a path that is longer than most.
func CheckPathLength(u *url.URL, most int64) error {
	if max(len(u.Path), len(u.RawPath)) > int(most) {
		return fmt.Errorf("more than %d bytes", most)
	}
	return nil
}

// CheckPath rejects a path that can be read in more than one way, and says what it has. The path is decoded once (that
// is u.Path); what passes here means the same to every server: no other decoding and no normalisation makes another
// path of it. The segments checked are those of rest, the part of u.Path below a prefix: a slash at its end makes an
// empty one.
func CheckPath(u *url.URL, rest string) error {
	// RawPath, not EscapedPath: the latter encodes anew when the client's own encoding was sloppy, and an encoded
	// slash is then lost. It is empty only when the client wrote what Go itself would write.
	if ContainsFold(u.RawPath, "%2f") {
		return errors.New("an encoded slash")
	}
	if err := checkText(u.Path); err != nil {
		return err
	}
	if rest == "" {
		return nil
	}
	return checkSegments(strings.TrimPrefix(rest, "/"))
}

// checkText rejects characters that servers read in different ways.
func checkText(path string) error {
	if !utf8.ValidString(path) {
		return errors.New("text that is not UTF-8")
	}
	for i, c := range path {
		switch {
		case c == '\\':
			return errors.New("a backslash")
		case c == ';':
			return errors.New("a semicolon")
		case unicode.IsControl(c):
			return errors.New("a control character")
		case c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
			return errors.New("a double encoding")
		}
	}
	return nil
}

// checkSegments rejects segments that servers remove.
func checkSegments(path string) error {
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "":
			return errors.New("an empty segment")
		case ".", "..":
			return errors.New("a dot segment")
		}
	}
	return nil
}

// writtenPath returns the path as the client wrote it.
func writtenPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath() // which is how the client wrote it; see url.URL.RawPath
}

// Respell returns u, or where the client left octets bare that no path may hold, a copy with a path that has them
// escaped. Of such a URL Go would encode the decoded path anew, and an escaped + or slash would lose its escape.
func Respell(u *url.URL) *url.URL {
	if u.RawPath == "" || u.EscapedPath() == u.RawPath {
		return u
	}
	spelled := *u
	spelled.RawPath = spellPath(u.RawPath)
	return &spelled
}

// spellPath writes an escaped path in the one spelling that all equivalent ones have (RFC 3986 section 6.2.2): letters,
// digits and - . _ ~ are bare, and every escape has capitals. The delimiters among the characters of a path mean one
// thing bare and may mean another escaped, such as + and %2B: each stays as it is. Any other octet is escaped.
func spellPath(path string) string {
	plain := true
	for i := 0; plain && i < len(path); i++ {
		plain = isPathOctet(path[i])
	}
	if plain {
		return path
	}
	const digits = "0123456789ABCDEF"
	spelled := make([]byte, 0, len(path)+8)
	for i := 0; i < len(path); i++ {
		c, bare := path[i], isPathOctet(path[i])
		if c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
			c = hexValue(path[i+1])<<4 | hexValue(path[i+2])
			bare = isUnreserved(c)
			i += 2
		}
		if bare {
			spelled = append(spelled, c)
		} else {
			spelled = append(spelled, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(spelled)
}

// isPathOctet tells whether an octet may be bare in a path: a slash, or a pchar of RFC 3986 section 3.3.
func isPathOctet(c byte) bool {
	return isUnreserved(c) || strings.IndexByte("/!$&'()*+,;=:@", c) >= 0
}

// isUnreserved tells whether an octet means the same bare and escaped (RFC 3986 section 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// Below tells whether path is prefix or lies below it, on whole segments.
func Below(path, prefix string) bool {
	rest, found := strings.CutPrefix(path, prefix)
	return found && (rest == "" || rest[0] == '/')
}
