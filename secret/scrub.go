package secret

import (
	"net/url"
	"regexp"
	"strings"
)

// quotation is a text between quotes as %q writes it, or as far as it goes when the end was cut off.
var quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*("|\\?$)`)

// WithoutQuotations returns what a library says of another party's words without the words themselves. Package net/http and
// go-redis quote what they cannot read, and a server may have answered with a token, or with what it was sent.
func WithoutQuotations(text string) string {
	return quotation.ReplaceAllLiteralString(text, Redacted)
}

// WithoutUserinfo returns an address or URL as a message may show it: what stands before its last @ may be a user and a
// password (RFC 3986 section 3.2.1), and becomes Redacted, the scheme with it; so does what stands behind a ?, a comma or a
// semicolon, where other programs have passwords. It does not parse, because it is needed for what does not parse.
func WithoutUserinfo(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		address = Redacted + address[i:]
	}
	if i := strings.IndexAny(address, "?,;"); i >= 0 {
		address = address[:i+1] + Redacted
	}
	return address
}

// userinfo is what may stand before the @ of a URL in a sentence, behind the quote that begins the URL.
var userinfo = regexp.MustCompile(`("?)\S*@`)

// WithoutUserinfos is WithoutUserinfo for a sentence or a line of a file: it hides each word up to its last @.
func WithoutUserinfos(sentence string) string {
	return userinfo.ReplaceAllString(sentence, "${1}"+Redacted+"@")
}

// tokenLike is a word that no prose and no error code has, and every token: it may be a token that this program does not
// know yet, or the beginning of one that was sent.
var tokenLike = regexp.MustCompile(`[A-Za-z0-9+=_~-]{36,}`)

// WithoutTokens returns what a server has said without what it was sent, should it be echoed as it is or as a form has it,
// and without what looks like a token.
func WithoutTokens(text string, sent ...Text) string {
	for _, s := range sent {
		if !s.IsZero() {
			text = strings.ReplaceAll(text, s.Reveal(), Redacted)
			text = strings.ReplaceAll(text, url.QueryEscape(s.Reveal()), Redacted)
		}
	}
	return tokenLike.ReplaceAllLiteralString(text, Redacted)
}
