package session

import "strings"

// WithoutUserinfo returns an address or URL as a message may show it: what stands before its last @ may be a user and a
// password (RFC 3986 section 3.2.1), and becomes "[redacted]", the scheme with it. It does not parse, because it is
// needed for what does not parse.
func WithoutUserinfo(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return redacted + address[i:]
	}
	return address
}
