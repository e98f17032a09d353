package proxy

import (
	"net/http"
	"strings"
)

// sandboxCSP turns an answer that a browser shows as a page into one that can do nothing: it has an origin of its own, runs
// no script, sends no form and loads nothing (CSP level 3, section 6.3.2).
const sandboxCSP = "sandbox; default-src 'none'; frame-ancestors 'none'"

// sandbox keeps an answer of Spotify's from being a page of the gateway's origin, whoever navigates to it. JSON is none; an
// answer of any other type keeps its type and its bytes. With nosniff, which all of these answers carry, a browser
// believes the type.
func sandbox(res *http.Response) {
	if maybePage(res) {
		res.Header.Set("Content-Security-Policy", sandboxCSP)
	}
}

// maybePage tells whether a browser could show the answer as a page. Of several types it may choose another than we do, and
// of odd characters it may make something else.
func maybePage(res *http.Response) bool {
	types := res.Header["Content-Type"]
	if len(types) == 0 {
		return res.StatusCode != http.StatusNoContent && res.StatusCode != http.StatusNotModified
	}
	odd := func(r rune) bool { return r < ' ' || r > '~' }
	return len(types) > 1 || !isJSON(types[0]) || strings.ContainsFunc(types[0], odd)
}
