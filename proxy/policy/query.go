package policy

import (
	"errors"
	"strconv"
	"strings"
)

// CheckQuery rejects a query with octets that no request line may hold (RFC 9112 section 3.2). HTTP/2 carries a blank and
// HTTP/1.1 carries high octets, and in the request line of an upstream either could end the target.
func CheckQuery(query string) error {
	for i := range len(query) {
		if query[i] <= ' ' || query[i] > '~' {
			return errors.New("the query has a blank, a control character or a character beyond ASCII; percent-encode it")
		}
	}
	return nil
}

// WithoutAccessToken returns the query as it is, minus every access_token parameter (RFC 6750 section 2.3): a token in
// a URL ends up in logs, and one beside our header would be a second credential. Some servers also separate
// parameters by semicolons.
func WithoutAccessToken(query string) string {
	var kept strings.Builder
	begun := false
	for separator, rest := "", query; ; {
		end := strings.IndexAny(rest, "&;")
		parameter := rest
		if end >= 0 {
			parameter = rest[:end]
		}
		if !isAccessToken(parameter) {
			if begun {
				kept.WriteString(separator)
			}
			kept.WriteString(parameter)
			begun = true
		}
		if end < 0 {
			return kept.String()
		}
		separator, rest = rest[end:end+1], rest[end+1:]
	}
}

func isAccessToken(parameter string) bool {
	name, _, _ := strings.Cut(parameter, "=")
	return strings.EqualFold(strings.TrimSpace(unescapeLeniently(name)), "access_token")
}

// unescapeLeniently decodes what can be decoded and leaves the rest, as forgiving servers do.
func unescapeLeniently(s string) string {
	if !strings.ContainsAny(s, "+%") {
		return s
	}
	var decoded strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			decoded.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c, _ := strconv.ParseUint(s[i+1:i+3], 16, 8) // two hex digits always parse
			decoded.WriteByte(byte(c))
			i += 2
		default:
			decoded.WriteByte(s[i])
		}
	}
	return decoded.String()
}
