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

	"stagedoor/internal/httperror"
	"stagedoor/proxy/policy"
)

// routeHandler serves the requests of one route, or of /auth/. A request that it does not answer is answered with the error that it
// returns; errClientLeft is answered with nothing.
type routeHandler interface {
	serve(w *responseWriter, r *http.Request, x *exchange) error
}

// boundRoute is a route with what serves it.
type boundRoute struct {
	name    string // as config.yaml has it
	prefix  string // without the slash at its end
	handler routeHandler
	count   func(method string, status int, took time.Duration, trace string) // see Metrics.Requests
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
			name: route.Path, prefix: normalPrefix(route.Path), handler: handler, count: p.Metrics.Requests(route.Path),
		})
	}
	slices.SortFunc(table, func(a, b boundRoute) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return table, nil
}

func newRouteHandler(route Route, p parts) (routeHandler, error) {
	var plain routeHandler
	var err error
	switch {
	case route.IsLive():
		return newLiveRoute(route, p)
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

func (p plainRoute) serve(w *responseWriter, r *http.Request, x *exchange) error {
	if err := policy.CheckQuery(r.URL.RawQuery); err != nil {
		return rejectPath(err)
	}
	return p.next.serve(w, r, x)
}

// find returns the route of a decoded path, or nil.
func (t routeTable) find(path string) *boundRoute {
	i := slices.IndexFunc(t, func(r boundRoute) bool { return policy.Below(path, r.prefix) })
	if i < 0 {
		return nil
	}
	return &t[i]
}

// dispatch lets the route that has the path serve the request.
func (g *Gateway) dispatch(w *responseWriter, r *http.Request, x *exchange) error {
	switch {
	case r.Method == http.MethodConnect:
		return rejectMethod(nil)
	case r.URL.Path == "*": // the asterisk-form of RFC 9110 section 9.3.7: a question about the server as a whole
		if r.Method != http.MethodOptions {
			return rejectMethod([]string{http.MethodOptions})
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.URL.Opaque != "": // such as x:y, or x:http://host/: a frontend would get what follows the colon as its target
		return rejectPath(errors.New("the target of the request is not a path"))
	}
	route := g.route(r.URL.Path)
	x.route, x.count = route.name, route.count
	if err := g.admit(r, x, route.handler); err != nil {
		addCORS(w, r, g.origins)
		return err
	}
	return route.handler.serve(w, r, x)
}

// route returns what serves a decoded path.
func (g *Gateway) route(path string) boundRoute {
	if policy.Below(path, authPrefix) {
		return boundRoute{name: authPrefix + "/", count: g.countAuth, handler: authRoute{origins: g.origins, maxPath: g.limits.MaxPath, next: g.auth}}
	}
	if route := g.routes.find(path); route != nil {
		return *route
	}
	return boundRoute{count: g.countUnrouted, handler: noRoute{}}
}

// noRoute answers what no route takes.
type noRoute struct{}

func (noRoute) serve(*responseWriter, *http.Request, *exchange) error {
	return httperror.New(httperror.PathRefused, "No route of this gateway serves this path.", nil)
}

// rejectMethod is the answer 405 with the methods that would have passed (RFC 9110 section 15.5.6).
func rejectMethod(allowed []string) error {
	message := "No path of this gateway takes this method."
	if len(allowed) > 0 {
		message = "This path takes only " + strings.Join(allowed, ", ") + "."
	}
	rejection := httperror.New(httperror.MethodRefused, message, nil)
	rejection.Allow = allowed
	return rejection
}

// rejectPath is the answer that says the cause, which is one sentence without its capital and its full stop.
func rejectPath(cause error) error {
	text := cause.Error()
	return httperror.New(httperror.PathRefused, strings.ToUpper(text[:1])+text[1:]+".", cause)
}

// maxQuotedPath bounds the part of a path that a rejection quotes, in bytes.
const maxQuotedPath = 100

// pathError says what is wrong with a path, which it quotes as it was sent, in ASCII.
func pathError(u *url.URL, problem error) error {
	return fmt.Errorf("the path %q has %w", bounded(policy.Respell(u).EscapedPath(), maxQuotedPath), problem)
}
