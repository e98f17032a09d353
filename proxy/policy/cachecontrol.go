package policy

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// forOneUser appends to dst what the cache of one user's browser may do with the answer: what c says to such a cache,
// and private. What c says to shared caches goes, and so does any directive that is unknown here: a shared cache might
// take it for a permission. must-understand goes because it can lift no-store (RFC 9111 section 5.2.2.3).
func (c Directives) forOneUser(dst Directives) Directives {
	dst = append(dst, Directive{Name: "private"}) // also for private="x", which is about one field (section 5.2.2.7)
	for _, name := range [...]string{"no-store", "no-cache", "must-revalidate", "no-transform", "immutable"} {
		if c.Has(name) { // no-cache="x", too: about the whole answer it is safe
			dst = append(dst, Directive{Name: name})
		}
	}
	if text, present := c.Value("max-age"); present {
		dst = append(dst, Directive{"max-age", seconds(text, "0")}) // an invalid one is stale (section 4.2.1)
	}
	for _, name := range [...]string{"stale-while-revalidate", "stale-if-error"} { // RFC 5861
		text, _ := c.Value(name)
		if number := seconds(text, ""); number != "" {
			dst = append(dst, Directive{name, number})
		}
	}
	return dst
}

// makePrivate takes from the header of an answer every permission to share it: the same address has another answer for
// another user, and none after the logout. The cache of the user's own browser may do with it what it was allowed to. An
// Expires becomes the max-age that it amounts to (RFC 9111 section 4.2.1), because a cache of HTTP/1.0 reads it alone.
func makePrivate(h http.Header) {
	var buffers [2][8]Directive
	said := ParseDirectives(buffers[0][:0], h["Cache-Control"])
	if expires, present := h["Expires"]; present {
		delete(h, "Expires")
		if !said.Has("max-age") {
			said = append(said, Directive{"max-age", freshness(expires, h["Date"])})
		}
	}
	if pragma, present := h["Pragma"]; present { // old programs send "public", which has no meaning
		delete(h, "Pragma")
		if ContainsFold(strings.Join(pragma, ","), "no-cache") {
			said = append(said, Directive{Name: "no-cache"})
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
	return strconv.FormatInt(min(int64(until.Sub(from)/time.Second), maxSeconds), 10)
}

// cachingHeaders are removed from a 1xx header and from trailers, where a cache could take them for the answer's own.
var cachingHeaders = []string{"Cache-Control", "Expires", "Pragma", "Age", "Vary"}

func dropCaching(h http.Header) {
	for _, name := range cachingHeaders {
		delete(h, name)
	}
}

// seconds returns a number of seconds in digits, or invalid when the text is not a number.
func seconds(text, invalid string) string {
	n, ok := ParseSeconds(text)
	if !ok {
		return invalid
	}
	return strconv.FormatInt(n, 10)
}
