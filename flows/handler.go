package flows

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"stagedoor/httperror"
	"stagedoor/page"
	"stagedoor/session"
)

// The paths of the endpoints.
const (
	loginPath    = "/auth/login"
	callbackPath = "/auth/callback"
	logoutPath   = "/auth/logout"
	sessionPath  = "/auth/session"
	sessionsPath = "/auth/sessions"
	verifyPath   = "/auth/verify"
	tokenPath    = "/auth/token"
	fragmentPath = "/auth/fragment"
	connectPath  = "/auth/connect"
	clientPath   = "/auth/client.js"
	typesPath    = "/auth/client.d.ts"
)

// Options are what a Handler works with. All fields are required unless they say otherwise.
type Options struct {
	Config Config
	// PublicURL is the origin that browsers see.
	PublicURL string
	// AllowedOrigins are the other origins that a login may lead back to; may be empty.
	AllowedOrigins []string
	Sessions       *session.Manager
	Tokens         *TokenEndpoint
	// BrowserTokens turns on POST /auth/token.
	BrowserTokens bool
	// Client holds client.js and client.d.ts.
	Client fs.FS
	Log    *zap.Logger
	// Calls keeps the calls of the Web API within the app's limits; nil means that nothing does.
	Calls Calls
	// Metrics gets what is counted; nil means nobody does.
	Metrics Metrics
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Handler serves every path below /auth/. It is safe for concurrent use.
type Handler struct {
	config   Config
	public   *url.URL
	origins  []string // that a login may lead back to, the public one first
	connects *page.Frame
	sessions *session.Manager
	tokens   *TokenEndpoint
	api      *http.Client
	calls    Calls
	log      *zap.Logger
	metrics  Metrics
	now      func() time.Time
	routes   map[string]route
}

// route is one endpoint: its methods and what serves it. What it returns is answered by package httperror, on a page when
// only people come there.
type route struct {
	methods []string
	serve   func(http.ResponseWriter, *http.Request) error
	page    bool
}

// New makes the handler.
func New(o Options) (*Handler, error) {
	public, err := url.Parse(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("parse the public URL: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Calls == nil {
		o.Calls = unlimited{}
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	h := &Handler{
		config: o.Config, public: public, origins: append([]string{o.PublicURL}, o.AllowedOrigins...),
		connects: connectFrame(o.Config.AuthorizeURL), sessions: o.Sessions, tokens: o.Tokens, api: newClient(), calls: o.Calls, log: o.Log,
		metrics: o.Metrics, now: o.Now,
	}
	script, err := static(o.Client, "client.js", "text/javascript; charset=utf-8")
	if err != nil {
		return nil, err
	}
	types, err := static(o.Client, "client.d.ts", "text/plain; charset=utf-8")
	if err != nil {
		return nil, err
	}
	h.routes = h.endpoints(o.BrowserTokens)
	h.routes[clientPath] = route{methods: look, serve: script}
	h.routes[typesPath] = route{methods: look, serve: types}
	return h, nil
}

var (
	look = []string{http.MethodGet, http.MethodHead}
	get  = []string{http.MethodGet} // for what changes something although it is a navigation
	post = []string{http.MethodPost}
	ask  = []string{http.MethodGet, http.MethodHead, http.MethodPost} // for a page whose button does what it says
)

// endpoints are those that there are with this configuration; the others are not there at all.
func (h *Handler) endpoints(browserTokens bool) map[string]route {
	routes := map[string]route{
		loginPath:          {methods: get, serve: h.login},
		callbackPath:       {methods: get, serve: h.callback, page: true},
		connectPath:        {methods: ask, serve: h.connect, page: true},
		logoutPath:         {methods: post, serve: h.loggingOut(h.logout)},
		sessionPath:        {methods: look, serve: h.session},
		sessionsPath:       {methods: look, serve: h.listSessions},
		sessionsPath + "/": {methods: []string{http.MethodDelete}, serve: h.loggingOut(h.endSession)},
		verifyPath:         {methods: look, serve: h.verify},
	}
	if browserTokens {
		routes[tokenPath] = route{methods: post, serve: h.browserToken}
	}
	if h.config.Flow == FlowImplicit {
		routes[fragmentPath] = route{methods: post, serve: h.fragment}
	}
	return routes
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	endpoint, err := h.find(r)
	if err == nil {
		err = endpoint.serve(w, r)
	}
	if err == nil {
		return
	}
	if endpoint.page {
		httperror.WritePage(w, r, err)
		return
	}
	httperror.Write(w, r, err)
}

// Judge says what is wrong with the path or the method of a request; nil when an endpoint takes it.
func (h *Handler) Judge(r *http.Request) error {
	_, err := h.find(r)
	return err
}

func (h *Handler) find(r *http.Request) (route, error) {
	path := r.URL.Path
	if strings.HasPrefix(path, sessionsPath+"/") {
		path = sessionsPath + "/" // the rest is a handle
	}
	endpoint, known := h.routes[path]
	if !known {
		return route{}, httperror.New(httperror.PathRefused, "There is no such endpoint below /auth/.", nil)
	}
	if slices.Contains(endpoint.methods, r.Method) {
		return endpoint, nil
	}
	refusal := httperror.New(httperror.MethodRefused, fmt.Sprintf("%s takes %s.", path, strings.Join(endpoint.methods, ", ")), nil)
	refusal.Allow = endpoint.methods
	return endpoint, refusal
}

// static serves one small file, which is read once.
func static(files fs.FS, name, contentType string) (func(http.ResponseWriter, *http.Request) error, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read the frontend client: %w", err)
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		if r.Method == http.MethodHead {
			return nil
		}
		_, _ = w.Write(content) // a client that left needs no answer
		return nil
	}, nil
}
