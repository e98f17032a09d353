package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"stagedoor/httperror"
	"stagedoor/proxy/policy"
)

// routeHandler serves the requests of one route, or of /auth/.
type routeHandler interface {
	serve(w *responseWriter, r *http.Request, x *exchange)
}

// boundRoute is a route with what serves it.
type boundRoute struct {
	name    string // as config.yaml has it
	prefix  string // without the slash at its end
	handler routeHandler
	note    func(method string, status int, took time.Duration) // see Metrics.Requests
}

// routeTable has the longest prefix first. http.ServeMux would redirect paths that it would write otherwise, and a
// fetch() must never be redirected.
type routeTable []boundRoute

func newRouteTable(routes []Route, p parts) (routeTable, error) {
	table := make(routeTable, 0, len(routes))
	for _, route := range routes {
		handler, err := newRouteHandler(route, p)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", route.Path, err)
		}
		table = append(table, boundRoute{
			name: route.Path, prefix: normalPrefix(route.Path), handler: handler, note: p.Metrics.Requests(route.Path),
		})
	}
	slices.SortFunc(table, func(a, b boundRoute) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return table, nil
}

func newRouteHandler(route Route, p parts) (routeHandler, error) {
	var plain routeHandler
	var err error
	switch {
	case route.credentialed():
		return newAPIRoute(route, p)
	case route.servesFiles():
		plain, err = newFileRoute(route)
	default:
		plain, err = newFrontendRoute(route, p)
	}
	return plainRoute{plain}, err
}

// plainRoute stands before a route without credentials and rejects what no route takes.
type plainRoute struct{ next routeHandler }

func (p plainRoute) serve(w *responseWriter, r *http.Request, x *exchange) {
	if err := policy.CheckQuery(r.URL.RawQuery); err != nil {
		refusePath(w, r, err)
		return
	}
	p.next.serve(w, r, x)
}

// find returns the route of a decoded path, or nil.
func (t routeTable) find(path string) *boundRoute {
	i := slices.IndexFunc(t, func(r boundRoute) bool { return policy.Below(path, r.prefix) })
	if i < 0 {
		return nil
	}
	return &t[i]
}

// dispatch finds who serves the request.
func (g *Gateway) dispatch(w *responseWriter, r *http.Request, x *exchange) {
	switch {
	case r.Method == http.MethodConnect:
		refuseMethod(w, r, nil)
	case r.URL.Path == "*": // the asterisk-form of RFC 9110 section 9.3.7: a question about the server as a whole
		if r.Method != http.MethodOptions {
			refuseMethod(w, r, []string{http.MethodOptions})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Opaque != "": // such as x:y, or x:http://host/: a frontend would get what follows the colon as its target
		refusePath(w, r, errors.New("the target of the request is not a path"))
	case policy.Below(r.URL.Path, authPrefix):
		x.route, x.noteRequest = authPrefix+"/", g.noteAuth
		authRoute{origins: g.origins, maxPath: g.limits.MaxPath, next: g.auth}.serve(w, r, x)
	default:
		route := g.routes.find(r.URL.Path)
		if route == nil {
			httperror.Write(w, r, httperror.New(httperror.PathRefused, "No route of this gateway serves this path.", nil))
			return
		}
		x.route, x.noteRequest = route.name, route.note
		route.handler.serve(w, r, x)
	}
}

// refuseMethod answers 405 with the methods that would have passed (RFC 9110 section 15.5.6).
func refuseMethod(w http.ResponseWriter, r *http.Request, allowed []string) {
	message := "No path of this gateway takes this method."
	if len(allowed) > 0 {
		message = "This path takes only " + strings.Join(allowed, ", ") + "."
	}
	refusal := httperror.New(httperror.MethodRefused, message, nil)
	refusal.Allow = allowed
	httperror.Write(w, r, refusal)
}

// refusePath answers with the cause, which is one sentence without its capital and its full stop.
func refusePath(w http.ResponseWriter, r *http.Request, cause error) {
	text := cause.Error()
	httperror.Write(w, r, httperror.New(httperror.PathRefused, strings.ToUpper(text[:1])+text[1:]+".", cause))
}

// maxQuotedPath bounds the part of a path that a refusal quotes, in bytes.
const maxQuotedPath = 100

// pathError says what is wrong with a path, which it quotes as it was sent, in ASCII.
func pathError(u *url.URL, problem error) error {
	return fmt.Errorf("the path %q has %w", bounded(policy.Respell(u).EscapedPath(), maxQuotedPath), problem)
}
