package webapi

import (
	"net/http"
	"slices"
	"strings"
)

// Operation is one thing that the Web API can do.
type Operation struct {
	// Method is GET, POST, PUT or DELETE.
	Method string
	// Path is a template below the API's base, such as "/playlists/{playlist_id}/items": a segment in braces stands for
	// any one segment.
	Path string
	// Scopes are those that Spotify lists: all are needed, or one of them, or they add to the answer. The list does not
	// say which. It is shared: do not change it.
	Scopes []string
	// Deprecated operations are withdrawn from apps in development mode, and some day from all.
	Deprecated bool
}

// Find returns the operation that a request would reach. The path is decoded and below the API's base, such as
// "/playlists/37i9/items", without a slash at its end; HEAD is looked up as GET. Where several templates match, the first
// segment in which they differ decides: a literal one beats one in braces. It is false for what Spotify does not document.
func Find(method, path string) (Operation, bool) { return find(operations, method, path) }

func find(table []Operation, method, path string) (Operation, bool) {
	method = asListed(method)
	best := -1
	for i, o := range table {
		if o.Method == method && matches(o.Path, path) && (best < 0 || nearer(o.Path, table[best].Path)) {
			best = i
		}
	}
	if best < 0 {
		return Operation{}, false
	}
	return table[best], true
}

// Matching returns the operations that an allow pattern of a route lets through, in the order of their paths. In a
// pattern, * is any one segment and ** at the end any rest, also none; the slash at its begin may be missing, so "" is
// the API's base itself. HEAD is looked up as GET; no methods at all mean every method.
func Matching(pattern string, methods []string) []Operation {
	pattern = "/" + strings.TrimPrefix(pattern, "/")
	listed := make([]string, len(methods))
	for i, method := range methods {
		listed[i] = asListed(method)
	}
	var reached []Operation
	for _, o := range operations {
		if (len(listed) == 0 || slices.Contains(listed, o.Method)) && overlaps(o.Path, pattern) {
			reached = append(reached, o)
		}
	}
	return reached
}

// asListed is the method under which an operation is documented: HEAD is GET without its body (RFC 9110 section 9.3.2).
func asListed(method string) string {
	if method == http.MethodHead {
		return http.MethodGet
	}
	return method
}
