package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"stagedoor/internal/bytesize"
	"stagedoor/proxy/policy"
)

// authMethods are what a listed origin may use below /auth/, and what the rejection of any other method names.
var authMethods = []string{"GET", "HEAD", "POST", "DELETE"}

// AuthHandler answers what is below /auth/. The cross-origin rule has been applied when it is asked.
type AuthHandler interface {
	// Serve answers a request, or returns the error that is to be answered and has sent nothing.
	Serve(w http.ResponseWriter, r *http.Request) error
	// Guarded tells whether the cross-origin rule applies to a request.
	Guarded(r *http.Request) bool
	// Check returns what is wrong with the path or the method of a request; nil when an endpoint takes it.
	Check(r *http.Request) error
}

// authRoute stands before the handler of /auth/: it applies the cross-origin rule and sees to the headers that all of
// these answers carry.
type authRoute struct {
	origins policy.OriginRule
	maxPath bytesize.Size
	next    AuthHandler
}

func (a authRoute) serve(w *responseWriter, r *http.Request, _ *exchange) error {
	w.set("Cache-Control", "no-store")
	w.set("Referrer-Policy", "no-referrer")
	w.set("X-Content-Type-Options", "nosniff")
	addCORS(w, r, a.origins)

	origin := policy.OriginAllowed
	if a.next.Guarded(r) || policy.IsPreflight(r) {
		origin = a.origins.Check(r)
	}
	err := a.check(r.URL)
	switch {
	case origin == policy.OriginForeign:
		return rejectForeign()
	case policy.IsPreflight(r):
		answerPreflight(w, r, a.origins, authMethods)
	case err != nil:
		return rejectPath(err)
	case r.Method == http.MethodTrace:
		return rejectMethod(authMethods)
	case origin == policy.OriginUnproven && a.next.Check(r) == nil: // else Check's error says better what is wrong
		return rejectUnproven()
	default:
		return a.next.Serve(w, r)
	}
	return nil
}

// check rejects a path or a query that no endpoint may see.
func (a authRoute) check(u *url.URL) error {
	if err := policy.CheckPathLength(u, int64(a.maxPath)); err != nil {
		return pathError(u, err)
	}
	rest := strings.TrimPrefix(u.Path, authPrefix)
	if rest == "/" {
		rest = ""
	}
	if err := policy.CheckPath(u, rest); err != nil {
		return pathError(u, err)
	}
	return policy.CheckQuery(u.RawQuery)
}
