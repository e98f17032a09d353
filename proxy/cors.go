package proxy

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"stagedoor/httperror"
)

// preflightAge is how long a browser may remember a preflight, in seconds: short, so that an origin that is taken from
// the list is soon out.
const preflightAge = "600"

// exposedHeaders are what a page of a listed origin may read besides the headers that every page may.
var exposedHeaders = strings.Join([]string{
	"Retry-After", "Age", "Cache-Status", httperror.ReasonHeader, requestIDHeader, "ETag",
}, ", ")

// isPreflight tells whether a browser asks what another origin may do (Fetch standard, "CORS-preflight request").
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 &&
		len(r.Header["Access-Control-Request-Method"]) > 0
}

// addCORS adds what a page of a listed origin needs in order to read the answer. Any other origin gets nothing.
func (o originRule) addCORS(w *responseWriter, r *http.Request) {
	if len(o.listed) == 0 {
		return
	}
	w.vary = append(w.vary, "Origin")
	origins := r.Header["Origin"]
	if len(origins) != 1 || !o.listed[origins[0]] {
		return
	}
	w.set("Access-Control-Allow-Origin", origins[0])
	w.set("Access-Control-Allow-Credentials", "true")
	if !isPreflight(r) {
		w.set("Access-Control-Expose-Headers", exposedHeaders)
	}
}

// answerPreflight answers an allowed preflight; the rule and addCORS have been applied. For public_url's own origin no browser
// asks, and it needs no leave.
func (o originRule) answerPreflight(w *responseWriter, r *http.Request, methods []string) {
	w.vary = append(w.vary, "Access-Control-Request-Method", "Access-Control-Request-Headers")
	if o.listed[r.Header.Get("Origin")] {
		w.set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
		if asked := askedHeaders(r); len(asked) > 0 {
			w.set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
		}
		w.set("Access-Control-Max-Age", preflightAge)
	}
	w.WriteHeader(http.StatusNoContent)
}

// maxAskedHeaders bounds the headers that one preflight is allowed, by number. No page needs as many.
const maxAskedHeaders = 100

// askedHeaders returns the names of the headers that the page wants to send. All are allowed: libraries add their own to
// every call, a refusal would reach the page as "Failed to fetch" without a reason, and what Spotify may not see is
// dropped later. Only what is a name is repeated.
func askedHeaders(r *http.Request) []string {
	var asked []string
	for _, field := range r.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(field, ",") {
			name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
			if isToken(name) && len(asked) < maxAskedHeaders && !slices.Contains(asked, name) {
				asked = append(asked, name)
			}
		}
	}
	return asked
}
