package proxy

import (
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"

	"stagedoor/internal/bytesize"
	"stagedoor/internal/httperror"
	"stagedoor/internal/tracing"
	"stagedoor/proxy/links"
	"stagedoor/proxy/policy"
	"stagedoor/session"
)

// apiRoute serves a route with credentials: its requests go to Spotify's Web API. What can fail happens in
// resolve; what is left for the reverse proxy is to copy.
type apiRoute struct {
	prefix  string // without the slash at its end
	methods []string
	allow   policy.AllowList
	maxPath bytesize.Size
	body    bodyLimits
	origins policy.OriginRule
	keyed   bool // an API key guards the route, rather than the cross-origin rule
	source  credentialSource
	api     *url.URL
	public  *url.URL
	allowed []string // the other origins with pages of the app
	agent   []string // the User-Agent
	links   links.Map
	metrics Metrics
	proxy   *httputil.ReverseProxy
}

// noSniff keeps browsers from guessing what an answer is.
var noSniff = policy.Field{Name: "X-Content-Type-Options", Values: []string{"nosniff"}}

func newAPIRoute(route Route, p parts) (*apiRoute, error) {
	source, err := newCredentialSource(route, p)
	if err != nil {
		return nil, err
	}
	a := &apiRoute{
		prefix: normalPrefix(route.Path), methods: route.Methods, allow: policy.NewAllowList(route.Allow),
		maxPath: p.Server.MaxPath,
		body:    bodyLimits{max: int64(p.Server.MaxRequestBody), timeout: p.Server.ReadBodyTimeout},
		origins: p.origins, keyed: route.guardedByKey(p.APIKeyFiles), source: source,
		api: p.api, public: p.public, allowed: p.Server.AllowedOrigins, agent: []string{"stagedoor/" + p.Version},
		metrics: p.Metrics,
	}
	if len(a.methods) == 0 {
		a.methods = DefaultMethods()
	}
	a.links = links.NewMap(p.api, p.public, a.prefix)
	a.proxy = &httputil.ReverseProxy{
		Rewrite:      rewriteCall,
		Transport:    newAPITransport(a, route, p),
		ErrorHandler: keepFailure,
		ErrorLog:     noErrorLog,
		BufferPool:   buffers,
	}
	return a, nil
}

func (a *apiRoute) serve(w *responseWriter, r *http.Request, x *exchange) error {
	path, answered, err := a.begin(w, r)
	if err != nil || answered {
		return err
	}
	if err := a.forward(w, r, x, path); err != nil {
		return a.orLogin(w, x, err)
	}
	return nil
}

// begin sets what every answer of the route has, and admits the request or answers it.
func (a *apiRoute) begin(w *responseWriter, r *http.Request) (path policy.Path, answered bool, err error) {
	w.dropEarly = policy.CleanAside
	w.vary = append(w.vary, "Cookie")
	if a.keyed {
		w.vary = append(w.vary, "Authorization")
	}
	w.own = append(w.own, noSniff)
	addCORS(w, r, a.origins)
	preflight := policy.IsPreflight(r)
	path, err = a.admit(r, preflight)
	if err == nil && preflight {
		answerPreflight(w, r, a.origins, a.methods)
	}
	return path, preflight, err
}

// admit decides by the request's head alone. What another site caused is rejected first. Only then come the path, the method,
// and whether a script has shown that it is one: a client that tries a method that never passes learns that, rather than
// which header to send.
func (a *apiRoute) admit(r *http.Request, preflight bool) (policy.Path, error) {
	origin := policy.OriginAllowed
	if !a.keyed || preflight {
		origin = a.origins.CheckRoute(r)
	}
	path, err := a.check(r.URL)
	switch {
	case origin == policy.OriginForeign:
		err = rejectForeign()
	case preflight:
		err = nil
	case err != nil:
		err = rejectPath(err)
	case !slices.Contains(a.methods, r.Method):
		err = rejectMethod(a.methods)
	case origin == policy.OriginUnproven:
		err = rejectUnproven()
	}
	return path, err
}

// check returns the path below the route's prefix, or says why the route does not take the URL.
func (a *apiRoute) check(u *url.URL) (policy.Path, error) {
	if err := policy.CheckPathLength(u, int64(a.maxPath)); err != nil {
		return policy.Path{}, pathError(u, err)
	}
	path, err := policy.NewPath(u, a.prefix)
	if err != nil {
		return policy.Path{}, pathError(u, err)
	}
	if !a.allow.Allows(path.Decoded) {
		return policy.Path{}, pathError(u, errors.New("no match in the route's allow list"))
	}
	return path, policy.CheckQuery(u.RawQuery)
}

// resolve finds everything that the call needs. The session comes before the body, so that a stranger cannot make the
// gateway read one.
func (a *apiRoute) resolve(w *responseWriter, r *http.Request, path policy.Path) (*call, error) {
	if policy.HasCoding(r.Header["Content-Encoding"]) {
		w.Header().Set("Accept-Encoding", "identity") // which codings a request may have: RFC 9110 section 12.5.3
		return nil, codedBody()
	}
	if err := a.body.announced(r); err != nil {
		return nil, err
	}
	s, err := a.findSession(w, r, path)
	if err != nil {
		return nil, err
	}
	body, err := a.body.read(w, r)
	if err != nil {
		return nil, err
	}
	return &call{session: s, target: path.URL(a.api, r.URL), header: policy.APIRequestHeader(r.Header, a.agent), body: body}, nil
}

// findSession is the source's, as a step of its own in a trace.
func (a *apiRoute) findSession(w *responseWriter, r *http.Request, path policy.Path) (*session.Session, error) {
	ctx, span := tracing.Start(r.Context(), "session")
	defer span.End()
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	s, err := a.source.find(w, r, path.Decoded)
	if err != nil {
		span.Failed(httperror.From(err).Reason)
	}
	return s, err
}

// sessionError is the answer to an error of Sessions, which may well be that the client did not wait. It keeps nil.
func sessionError(r *http.Request, err error) error {
	if err == nil {
		return nil
	}
	if r.Context().Err() != nil {
		return errClientLeft
	}
	return httperror.FromSession(err)
}

// forward resolves what the call needs, and lets the reverse proxy make it.
func (a *apiRoute) forward(w *responseWriter, r *http.Request, x *exchange, path policy.Path) error {
	c, err := a.resolve(w, r, path)
	if err != nil {
		return err
	}
	x.call, x.body = c, c.body.client
	if c.session.IsUser() {
		x.session = c.session.Label()
	}
	a.proxy.ServeHTTP(w, outgoing(r, c))
	if rejection := quotaRejection(x.failed); rejection != nil {
		x.failed = rejection
	}
	return x.failure(spotifyText)
}

// orLogin returns the error, except that a person who navigates here and only has to log in is sent to do so.
func (a *apiRoute) orLogin(w *responseWriter, x *exchange, err error) error {
	if errors.Is(err, errClientLeft) {
		return err
	}
	rejection, r := httperror.From(err), x.request
	navigates := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Dest") == "document"
	if !navigates || rejection.Status != http.StatusUnauthorized || rejection.LoginURL == "" {
		return rejection
	}
	x.rejection = rejection
	back := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: policy.WithoutAccessToken(r.URL.RawQuery)}
	w.Header().Set("Location", rejection.LoginURL+"?return_to="+url.QueryEscape(back.RequestURI()))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(httperror.ReasonHeader, rejection.Reason)
	w.WriteHeader(http.StatusFound)
	return nil
}
