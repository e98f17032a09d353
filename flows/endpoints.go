package flows

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"stagedoor/internal/httperror"
)

// endpoint is one endpoint below /auth/. Each is declared in its own file.
type endpoint struct {
	// path is its path; one that ends with a slash takes all paths below it.
	path    string
	methods []string
	// guardReads applies the cross-origin rule to GET and HEAD, for answers about the user. To all other methods the rule
	// applies at every endpoint.
	guardReads bool
	// page answers errors with a page, whatever the request says: only people open it.
	page bool
	// serve answers a request of one of the methods; package httperror answers the error that it returns.
	serve serveFunc
	// enabled tells whether this configuration has the endpoint; nil means always.
	enabled func(Options) bool
}

type serveFunc func(*Handler, http.ResponseWriter, *http.Request) error

// The methods of endpoints.
var (
	read      = []string{http.MethodGet, http.MethodHead}
	get       = []string{http.MethodGet} // for what changes something although it is a navigation
	post      = []string{http.MethodPost}
	readPost  = []string{http.MethodGet, http.MethodHead, http.MethodPost} // for a page with a button
	deleteOne = []string{http.MethodDelete}
)

// endpoints are all endpoints.
func endpoints() []endpoint {
	return []endpoint{
		loginEndpoint, callbackEndpoint, fragmentEndpoint, connectEndpoint, logoutEndpoint, sessionEndpoint, sessionsEndpoint,
		endSessionEndpoint, browserTokenEndpoint, verifyEndpoint, scriptEndpoint, typesEndpoint,
	}
}

// enabledEndpoints returns the endpoints of a configuration by their paths.
func enabledEndpoints(o Options) map[string]endpoint {
	enabled := map[string]endpoint{}
	for _, e := range endpoints() {
		if e.enabled == nil || e.enabled(o) {
			enabled[e.path] = e
		}
	}
	return enabled
}

// Check returns what is wrong with the path or the method of a request; nil when an endpoint takes it.
func (h *Handler) Check(r *http.Request) error {
	_, err := h.find(r)
	return err
}

// Guarded tells whether the cross-origin rule applies to a request.
func (h *Handler) Guarded(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return true
	}
	return h.enabled[endpointPath(r)].guardReads
}

func (h *Handler) find(r *http.Request) (endpoint, error) {
	found, known := h.enabled[endpointPath(r)]
	if !known {
		return endpoint{}, httperror.New(httperror.PathRefused, "There is no such endpoint below /auth/.", nil)
	}
	if slices.Contains(found.methods, r.Method) {
		return found, nil
	}
	rejection := httperror.New(httperror.MethodRefused, fmt.Sprintf("%s takes %s.", found.path, strings.Join(found.methods, ", ")), nil)
	rejection.Allow = found.methods
	return found, rejection
}

// endpointPath returns the path of the endpoint that a request is for.
func endpointPath(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, endSessionPath) {
		return endSessionPath // what follows is a handle
	}
	return r.URL.Path
}
