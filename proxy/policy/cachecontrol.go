package policy

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// cacheControl is what the Cache-Control header of an answer says: its directives, in their order. Of two with one name the
// first counts (RFC 9111 section 4.2.1).
type cacheControl []cacheDirective

// cacheDirective is one directive of Cache-Control (RFC 9111 section 5.2).
type cacheDirective struct {
	name     string // in lower case
	argument string // without quotation marks; empty without one
}

// parseCacheControl appends to dst the directives of a header's lines. Where a line departs from the grammar, it errs to
// the side of the restriction: the token that an element begins with counts, so that "no-store; x" is no-store, and a
// quotation mark without its partner hides nothing. An element that begins with no token is ignored.
func parseCacheControl(dst cacheControl, lines []string) cacheControl {
	for _, line := range lines {
		for line != "" {
			var d cacheDirective
			d, line = nextDirective(line)
			if d.name != "" {
				dst = append(dst, d)
			}
		}
	}
	return dst
}

// nextDirective cuts the first element off a line. The name is empty when the element begins with no token.
func nextDirective(line string) (d cacheDirective, rest string) {
	line = strings.TrimLeft(line, " \t")
	n := tokenLength(line)
	d.name = strings.ToLower(line[:n])
	line = line[n:]
	if argument, found := strings.CutPrefix(line, "="); found && d.name != "" {
		if text, after, quoted := cutQuoted(argument); quoted {
			d.argument, line = text, after
		} else {
			n = tokenLength(argument)
			d.argument, line = argument[:n], argument[n:]
		}
	}
	for line != "" { // what is left of the element
		if _, after, quoted := cutQuoted(line); quoted {
			line = after
			continue
		}
		if line[0] == ',' {
			return d, line[1:]
		}
		line = line[1:]
	}
	return d, ""
}

// cutQuoted cuts a quoted-string off the begin of a text (RFC 9110 section 5.6.4).
func cutQuoted(text string) (content, rest string, found bool) {
	if text == "" || text[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], true
		}
	}
	return "", "", false
}

// argument returns the argument of a directive, empty when it has none, and whether the directive is there.
func (c cacheControl) argument(name string) (text string, present bool) {
	for _, d := range c {
		if d.name == name {
			return d.argument, true
		}
	}
	return "", false
}

func (c cacheControl) has(name string) bool {
	_, present := c.argument(name)
	return present
}

// appendTo writes the directives as the value of one line. An argument must be a token.
func (c cacheControl) appendTo(dst []byte) []byte {
	for i, d := range c {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, d.name...)
		if d.argument != "" {
			dst = append(append(dst, '='), d.argument...)
		}
	}
	return dst
}

// forOneUser appends to dst what the cache of one user's browser may do with the answer: what c says to such a cache,
// and private. What c says to shared caches goes, and so does any directive that is unknown here: a shared cache might
// take it for a permission. must-understand goes because it can lift no-store (RFC 9111 section 5.2.2.3).
func (c cacheControl) forOneUser(dst cacheControl) cacheControl {
	dst = append(dst, cacheDirective{name: "private"}) // also for private="x", which is about one field (section 5.2.2.7)
	for _, name := range [...]string{"no-store", "no-cache", "must-revalidate", "no-transform", "immutable"} {
		if c.has(name) { // no-cache="x", too: about the whole answer it is safe
			dst = append(dst, cacheDirective{name: name})
		}
	}
	if text, present := c.argument("max-age"); present {
		dst = append(dst, cacheDirective{"max-age", deltaSeconds(text, "0")}) // an invalid one is stale (section 4.2.1)
	}
	for _, name := range [...]string{"stale-while-revalidate", "stale-if-error"} { // RFC 5861
		text, _ := c.argument(name)
		if seconds := deltaSeconds(text, ""); seconds != "" {
			dst = append(dst, cacheDirective{name, seconds})
		}
	}
	return dst
}

// maxDelta is the number of seconds that stands for every greater one (RFC 9111 section 1.2.2).
const maxDelta = 1 << 31

// deltaSeconds returns a number of seconds as it is written, or invalid when the text is not a number.
func deltaSeconds(text, invalid string) string {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return invalid
	}
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n > maxDelta {
		return strconv.Itoa(maxDelta)
	}
	return text
}

// makePrivate takes from the header of an answer every permission to share it: the same address has another answer for
// another user, and none after the logout. The cache of the user's own browser may do with it what it was allowed to. An
// Expires becomes the max-age that it amounts to (RFC 9111 section 4.2.1), because a cache of HTTP/1.0 reads it alone.
func makePrivate(h http.Header) {
	var buffers [2][8]cacheDirective
	said := parseCacheControl(buffers[0][:0], h["Cache-Control"])
	if expires, present := h["Expires"]; present {
		delete(h, "Expires")
		if !said.has("max-age") {
			said = append(said, cacheDirective{"max-age", freshness(expires, h["Date"])})
		}
	}
	if pragma, present := h["Pragma"]; present { // "public" is a superstition of old programs
		delete(h, "Pragma")
		if ContainsFold(strings.Join(pragma, ","), "no-cache") {
			said = append(said, cacheDirective{name: "no-cache"})
		}
	}
	var text [128]byte
	value := said.forOneUser(buffers[1][:0]).appendTo(text[:0])
	if lines := h["Cache-Control"]; len(lines) != 1 || lines[0] != string(value) {
		h["Cache-Control"] = []string{string(value)}
	}
}

// freshness returns the seconds between Date and Expires; 0 when either is invalid, or Expires was said twice.
func freshness(expires, date []string) string {
	from := time.Now()
	if len(date) > 0 {
		var err error
		if from, err = http.ParseTime(date[0]); err != nil {
			return "0"
		}
	}
	if len(expires) != 1 {
		return "0"
	}
	until, err := http.ParseTime(expires[0])
	if err != nil || !until.After(from) {
		return "0"
	}
	return strconv.FormatInt(min(int64(until.Sub(from)/time.Second), maxDelta), 10)
}

// cachingHeaders are what a 1xx header and trailers have no say in: they would speak for the answer between them.
var cachingHeaders = []string{"Cache-Control", "Expires", "Pragma", "Age", "Vary"}

func dropCaching(h http.Header) {
	for _, name := range cachingHeaders {
		delete(h, name)
	}
}
