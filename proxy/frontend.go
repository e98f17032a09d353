package proxy

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"time"

	"stagedoor/proxy/links"
	"stagedoor/proxy/policy"
)

// frontendRoute is an ordinary reverse proxy, with WebSockets and server-sent events, before which only the gateway's
// own cookies are hidden.
type frontendRoute struct {
	origin  *url.URL
	host    string // that it is asked with; empty means the origin's
	links   links.Frontend
	scheme  string // of public_url
	methods []string
	cookies policy.CookieNames
	stall   time.Duration // of a request body
	text    upstreamText
	proxy   *httputil.ReverseProxy
}

func newFrontendRoute(route Route, p parts) (*frontendRoute, error) {
	origin, err := policy.ParseOrigin(route.Upstream)
	if err != nil {
		return nil, err
	}
	f := &frontendRoute{
		origin: origin, scheme: p.public.Scheme, methods: route.Methods, cookies: p.Sessions.CookieNames(),
		stall: p.Server.ReadBodyTimeout,
	}
	if route.asksForPublicHost() {
		f.host = p.public.Host
	}
	f.links = links.NewFrontend(origin, p.public, cmp.Or(f.host, origin.Host))
	f.text = frontendText(origin.String(), route.Path)
	f.proxy = &httputil.ReverseProxy{
		Rewrite:        f.rewrite,
		Transport:      newMeter(route, p, p.FrontendTransport),
		FlushInterval:  -1,
		ModifyResponse: f.cleanAnswer,
		ErrorHandler:   keepFailure,
		ErrorLog:       noErrorLog,
		BufferPool:     buffers,
	}
	return f, nil
}

// frontendMethods are named when a route without a list of its own rejects a method.
var frontendMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func (f *frontendRoute) serve(w *responseWriter, r *http.Request, x *exchange) error {
	switch {
	case len(f.methods) > 0 && !slices.Contains(f.methods, r.Method):
		return rejectMethod(f.methods)
	case r.Method == http.MethodTrace || !policy.IsToken(r.Method):
		return rejectMethod(frontendMethods)
	}
	if policy.AsksForWebSocket(r.Header) {
		if err := x.stream(true); err != nil {
			return err
		}
	}
	w.dropEarly = f.drop
	f.proxy.ServeHTTP(w, boundStalls(w, r, x, f.stall))
	return x.failure(f.text)
}

func (f *frontendRoute) rewrite(pr *httputil.ProxyRequest) {
	pr.SetURL(f.origin)
	pr.Out.Host = f.host
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery // ReverseProxy has taken away what it cannot parse
	x := exchangeOf(pr.In.Context())
	f.setForwarded(pr, x.peer.Trusted)
	pr.Out.Header.Set(policy.RequestIDHeader, x.id)
	f.cookies.Hide(pr.Out.Header)
	policy.OnlyWebSockets(pr.Out.Header)
	policy.ForbidRepeats(pr.Out.Header)
}

// setForwarded tells the frontend the client's address and the address that it called. The client's own headers about
// that are removed, unless it is a trusted proxy.
func (f *frontendRoute) setForwarded(pr *httputil.ProxyRequest, trusted bool) {
	for name := range pr.Out.Header {
		if policy.ForgesForwarded(name, trusted) {
			delete(pr.Out.Header, name)
		}
	}
	if trusted {
		pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"] // SetXForwarded adds the proxy to it
	}
	pr.SetXForwarded()
	if trusted && policy.IsUnixPeer(pr.In.RemoteAddr) { // SetXForwarded knows TCP alone
		pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
	}
	// Browsers see public_url's scheme, also when a proxy that is not in trusted_proxies ends their TLS.
	pr.Out.Header.Set("X-Forwarded-Proto", f.scheme)
	if !trusted {
		return
	}
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
		if values, present := pr.In.Header[name]; present {
			pr.Out.Header[name] = values
		}
	}
}

// cleanAnswer is the reverse proxy's ModifyResponse.
func (f *frontendRoute) cleanAnswer(res *http.Response) error {
	if err := checkStatus(res); err != nil {
		return err
	}
	f.drop(res.Header)
	if res.StatusCode == http.StatusSwitchingProtocols {
		if res.Request.Header.Get("Upgrade") == "" {
			return errors.New("the frontend switched protocols, which was not asked for")
		}
		// This header is written by the reverse proxy itself, next to ours.
		res.Header.Del("Strict-Transport-Security")
		return nil
	}
	f.links.MapHeader(res.Header)
	if policy.IsEventStream(res.Header) {
		if err := exchangeOf(res.Request.Context()).stream(true); err != nil {
			return err
		}
	}
	err := awaitFirstPiece(res, frontendHeaderWait)
	guardBody(res, f.drop) // above what a goroutine reads: trailers are cleaned where the answer is read
	return err
}

func (f *frontendRoute) drop(h http.Header) {
	policy.DropReserved(h)
	f.cookies.Protect(h)
}
