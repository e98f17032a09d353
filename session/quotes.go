package session

import "regexp"

// quotation is a text between quotes as %q writes it, or as far as it goes when the end was cut off.
var quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*("|\\?$)`)

// WithoutQuotations returns what a library says of another party's words without the words themselves. Package net/http and
// go-redis quote what they cannot read, and a server may have answered with a token, or with what it was sent.
func WithoutQuotations(text string) string {
	return quotation.ReplaceAllLiteralString(text, redacted)
}
