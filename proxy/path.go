package proxy

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// judgeLength says whether a path is longer than what passes.
func judgeLength(u *url.URL, most ByteSize) error {
	if max(len(u.Path), len(u.RawPath)) > int(most) {
		return errors.New("an overlong path")
	}
	return nil
}

// judgePath says what is wrong with a request's path, or nil. The path is decoded once (that is u.Path); what passes
// here means the same to every server, so that what was judged is what is served: no other decoding and no
// normalisation can make another path of it.
//
// Only the bare prefix of a route may end in a slash; a prefix has none at its end.
func judgePath(u *url.URL, prefix string) error {
	// RawPath, not EscapedPath: the latter encodes anew when the client's own encoding was sloppy, and an encoded
	// slash is then lost. It is empty only when the client wrote what Go itself would write.
	if containsFold(u.RawPath, "%2f") {
		return errors.New("an encoded slash")
	}
	if err := judgeText(u.Path); err != nil {
		return err
	}
	rest := strings.TrimPrefix(u.Path, prefix)
	if rest == "" || rest == "/" {
		return nil
	}
	return judgeSegments(strings.TrimPrefix(rest, "/"))
}

// judgeText looks for characters that servers read in different ways.
func judgeText(path string) error {
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

// judgeSegments looks for segments that servers remove.
func judgeSegments(path string) error {
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

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// containsFold is strings.Contains for an ASCII part in lower case, whatever the case in s.
func containsFold(s, part string) bool {
	for ; len(s) >= len(part); s = s[1:] {
		if strings.EqualFold(s[:len(part)], part) {
			return true
		}
	}
	return false
}
