package proxy

import (
	"cmp"
	"net/http"
)

// endSpan ends the request's span with what the access line says, by the names of OpenTelemetry's conventions for HTTP
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). The query stays out: a callback's has a code.
func (x *exchange) endSpan(status int) {
	if !x.span.Recorded() {
		return
	}
	route := cmp.Or(x.route, routeNone)
	method := bounded(x.request.Method, maxLoggedMethod)
	x.span.Name(method + " " + route)
	x.span.Text("http.request.method", method)
	x.span.Text("http.route", route)
	x.span.Text("url.path", bounded(x.request.URL.EscapedPath(), maxLogged))
	x.span.Text("stagedoor.request_id", x.id)
	x.span.Text("stagedoor.session", x.session)
	x.span.Text("stagedoor.cache", string(x.cache))
	x.span.Number("http.response.status_code", status)
	switch {
	case x.rejection != nil:
		x.span.Text("stagedoor.reason", x.rejection.Reason)
		if status >= http.StatusInternalServerError {
			x.span.Failed(x.rejection.Reason)
		}
	case x.brokenOff != nil:
		x.span.Failed(brokenOff)
	case status >= http.StatusInternalServerError:
		x.span.Failed(http.StatusText(status))
	}
	x.span.End()
}
