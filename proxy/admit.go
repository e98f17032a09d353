package proxy

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
	"stagedoor/proxy/policy"
)

const (
	// maintenanceRetry is how long a client is asked to wait during a maintenance.
	maintenanceRetry = time.Minute
	// overloadRetry is how long a client is asked to wait at most when there are too many, and a second at least: if all came back
	// at the same time, there would be too many again.
	overloadRetry = 3 * time.Second
)

// admit rejects what the gateway does not take on now, before anything is done for it, or gives the request its place.
func (g *Gateway) admit(r *http.Request, x *exchange, handler routeHandler) error {
	if g.limits.Maintenance != "" && !servedInMaintenance(r, handler) {
		e := httperror.New(httperror.Maintenance, g.limits.Maintenance, nil)
		e.RetryAfter = maintenanceRetry
		return e
	}
	if wait := g.clients.Admit(x.peer.Client, isLogin(r), g.now()); wait > 0 {
		e := httperror.New(httperror.ClientRate, "Too many requests came from your address. Try again later.", nil)
		e.RetryAfter = wait
		return e
	}
	place, free := g.inFlight.Begin()
	if !free {
		return overloaded("This gateway serves as many requests as it can. Try again shortly.", nil)
	}
	x.place = place
	return nil
}

// limits are the reasons of requests that the gateway does not take on.
var limits = map[string]outcome.Limit{
	httperror.Overloaded:  outcome.LimitInFlight,
	httperror.ClientRate:  outcome.LimitClient,
	httperror.Maintenance: outcome.LimitMaintenance,
}

// servedInMaintenance tells which requests are served all the same: the question who is logged in, and preflights that the gateway
// answers itself, without which a page of another origin could not read the rejection.
func servedInMaintenance(r *http.Request, handler routeHandler) bool {
	_, plain := handler.(plainRoute)
	return r.URL.Path == authPrefix+"/session" || policy.IsPreflight(r) && !plain
}

// isLogin tells whether a request begins or ends a login.
func isLogin(r *http.Request) bool {
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case authPrefix + "/login", authPrefix + "/callback":
		return true
	}
	return false
}

func overloaded(message string, cause error) error {
	e := httperror.New(httperror.Overloaded, message, cause)
	e.RetryAfter = time.Second + rand.N(overloadRetry-time.Second) //nolint:gosec // G404: no secret
	return e
}

// stream gives an exchange the place of a stream, which may need a connection to its upstream.
func (x *exchange) stream(upstream bool) error {
	if !x.place.Stream(upstream, x.request.ProtoMajor == 1) {
		return tooManyStreams(nil)
	}
	return nil
}

func tooManyStreams(cause error) error {
	return overloaded("This gateway has as many streams as it may have. Try again shortly.", cause)
}
