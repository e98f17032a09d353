package policy

import (
	"mime"
	"net/http"
	"strings"
)

// Sandbox is the Content-Security-Policy of an answer that a browser may show as a page. With it the page can do nothing: it has an
// origin of its own, runs no script, sends no form and loads nothing (CSP level 3, section 6.3.2).
const Sandbox = "sandbox; default-src 'none'; frame-ancestors 'none'"

// MayBePage tells whether a browser could show an answer of this status and header as a page, when it navigates there and is told
// not to guess. JSON is not a page. Of several types a browser may choose another than we do, and it may read odd characters
// in another way.
func MayBePage(status int, h http.Header) bool {
	types := h["Content-Type"]
	if len(types) == 0 {
		return status != http.StatusNoContent && status != http.StatusNotModified
	}
	odd := func(r rune) bool { return r < ' ' || r > '~' || r == '{' || r == '}' } // braces are in RFC 2045's tokens, and not in RFC 9110's
	return len(types) > 1 || !IsJSON(types[0]) || strings.ContainsFunc(types[0], odd)
}

// IsEventStream tells whether an answer is a stream of server-sent events.
func IsEventStream(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}

// IsJSON tells whether a Content-Type is JSON's, or that of a format which is written in JSON (RFC 6839 section 3.1).
func IsJSON(contentType string) bool {
	if contentType == "application/json; charset=utf-8" || contentType == "application/json" { // as Spotify writes it
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}
