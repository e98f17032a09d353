package session

import "strings"

// WithoutUserinfo returns an address or URL as a message may show it: what stands before its last @ may be a user and a
// password (RFC 3986 section 3.2.1), and becomes "[redacted]", the scheme with it; so does what stands behind a ?, a comma
// or a semicolon, where other programs have passwords. It does not parse, because it is needed for what does not parse.
func WithoutUserinfo(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		address = redacted + address[i:]
	}
	if i := strings.IndexAny(address, "?,;"); i >= 0 {
		address = address[:i+1] + redacted
	}
	return address
}
