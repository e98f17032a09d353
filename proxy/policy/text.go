package policy

import "strings"

// IsToken tells whether a text is a token (RFC 9110 section 5.6.2), as methods and the names of headers are. Of a method
// net/http's HTTP/2 server takes any text.
func IsToken(text string) bool { return text != "" && tokenLength(text) == len(text) }

// tokenLength returns how many bytes at the begin of a text are a token's (RFC 9110 section 5.6.2).
func tokenLength(text string) int {
	n := 0
	for n < len(text) && isTokenByte(text[n]) {
		n++
	}
	return n
}

func isTokenByte(c byte) bool {
	letter := 'a' <= c|0x20 && c|0x20 <= 'z'
	return letter || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// ContainsFold is strings.Contains for an ASCII part in lower case, whatever the case in s.
func ContainsFold(s, part string) bool {
	for ; len(s) >= len(part); s = s[1:] {
		if strings.EqualFold(s[:len(part)], part) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// hexValue is the value of a hex digit.
func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
