package policy

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// preflightAge is how long a browser may remember a preflight, in seconds: short, so that an origin that is taken from
// the list is soon out.
const preflightAge = "600"

// exposedHeaders are what a page of a listed origin may read besides the headers that every page may.
const exposedHeaders = "Retry-After, Age, Cache-Status, Stagedoor-Reason, " + RequestIDHeader + ", ETag"

// maxAskedHeaders bounds the headers that one preflight is allowed, by number. No page needs as many.
const maxAskedHeaders = 100

// Field is one field of an answer's header. Callers must not modify the values: answers may share them.
type Field struct {
	Name   string // in its canonical form
	Values []string
}

// PreflightVary are the request headers on which the answer to a preflight depends, besides Origin.
var PreflightVary = []string{"Access-Control-Request-Method", "Access-Control-Request-Headers"}

// IsPreflight tells whether a browser asks what another origin may do (Fetch standard, "CORS-preflight request").
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 &&
		len(r.Header["Access-Control-Request-Method"]) > 0
}

// ListsOrigins tells whether answers depend on the Origin of their request.
func (o OriginRule) ListsOrigins() bool { return len(o.listed) > 0 }

// CORS returns what a page of a listed origin needs in order to read the answer. Any other origin gets nothing.
func (o OriginRule) CORS(r *http.Request) []Field {
	origins := r.Header["Origin"]
	if len(origins) != 1 || !o.listed[origins[0]] {
		return nil
	}
	fields := []Field{
		{"Access-Control-Allow-Origin", []string{origins[0]}},
		{"Access-Control-Allow-Credentials", []string{"true"}},
	}
	if !IsPreflight(r) {
		fields = append(fields, Field{"Access-Control-Expose-Headers", []string{exposedHeaders}})
	}
	return fields
}

// Preflight returns what the answer to an allowed preflight says, besides CORS. Browsers do not ask on behalf of public_url's
// own origin, which gets nothing.
func (o OriginRule) Preflight(r *http.Request, methods []string) []Field {
	if !o.listed[r.Header.Get("Origin")] {
		return nil
	}
	fields := []Field{{"Access-Control-Allow-Methods", []string{strings.Join(methods, ", ")}}}
	if asked := askedHeaders(r); len(asked) > 0 {
		fields = append(fields, Field{"Access-Control-Allow-Headers", []string{strings.Join(asked, ", ")}})
	}
	return append(fields, Field{"Access-Control-Max-Age", []string{preflightAge}})
}

// askedHeaders returns the names of the headers that the page wants to send. All are allowed: libraries add their own to
// every call, a rejection would reach the page as "Failed to fetch" without a reason, and what Spotify may not see is
// dropped later. Only valid names are repeated.
func askedHeaders(r *http.Request) []string {
	var asked []string
	for _, field := range r.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(field, ",") {
			name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
			if IsToken(name) && len(asked) < maxAskedHeaders && !slices.Contains(asked, name) {
				asked = append(asked, name)
			}
		}
	}
	return asked
}
