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
var exposedHeaders = strings.Join([]string{"Retry-After", httperror.ReasonHeader, requestIDHeader, "ETag"}, ", ")

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

// answerPreflight answers an allowed preflight; judge and addCORS have run. For public_url's own origin no browser
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

// askedHeaders returns those of the headers that the page wants to send which can have an effect here. Authorization is
// one: clients made for Spotify's API always send it, and it is replaced.
func askedHeaders(r *http.Request) []string {
	var asked []string
	for name := range strings.SplitSeq(strings.Join(r.Header["Access-Control-Request-Headers"], ","), ",") {
		name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
		known := slices.Contains(passedHeaders, name) || name == requestHeader || name == "Authorization"
		if known && !slices.Contains(asked, name) {
			asked = append(asked, name)
		}
	}
	return asked
}
