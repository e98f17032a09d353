package flows

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"stagedoor/flows/token"
	"stagedoor/internal/httperror"
	"stagedoor/internal/page"
	"stagedoor/session"
)

// Options are what a Handler works with. All fields are required unless they say otherwise.
type Options struct {
	Config Config
	// PublicURL is the origin that browsers see.
	PublicURL string
	// AllowedOrigins are the other origins that a login may lead back to; may be empty.
	AllowedOrigins []string
	Sessions       *session.Manager
	Tokens         *token.Client
	// BrowserTokens turns on POST /auth/token.
	BrowserTokens bool
	// Client holds client.js and client.d.ts.
	Client fs.FS
	// Pages are the gateway's own pages; nil means those of a configuration that says nothing of them.
	Pages *httperror.Pages
	Log   *zap.Logger
	// Calls keeps the calls of the Web API within the app's limits; nil means that nothing does.
	Calls Calls
	// Metrics gets what is counted; nil discards it.
	Metrics Metrics
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Handler serves every path below /auth/. It is safe for concurrent use.
type Handler struct {
	config    Config
	public    *url.URL
	origins   []string // that a login may lead back to, the public one first
	pages     *httperror.Pages
	connects  *page.Frame // of the page that connects a shared account
	fragments *page.Frame // of the callback page of the implicit grant
	sessions  *session.Manager
	tokens    *token.Client
	api       *http.Client
	calls     Calls
	log       *zap.Logger
	metrics   Metrics
	now       func() time.Time
	script    []byte              // client.js
	types     []byte              // client.d.ts
	enabled   map[string]endpoint // by path
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
	if o.Pages == nil {
		o.Pages = httperror.DefaultPages()
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	h := &Handler{
		config: o.Config, public: public, origins: append([]string{o.PublicURL}, o.AllowedOrigins...),
		pages: o.Pages, connects: o.Pages.Frame(connectParts(o.Config.AuthorizeURL)), fragments: o.Pages.Frame(fragmentParts),
		sessions: o.Sessions, tokens: o.Tokens, api: token.NewHTTPClient("profile"), calls: o.Calls, log: o.Log,
		metrics: o.Metrics, now: o.Now, enabled: enabledEndpoints(o),
	}
	if h.script, err = readClient(o.Client, "client.js"); err != nil {
		return nil, err
	}
	if h.types, err = readClient(o.Client, "client.d.ts"); err != nil {
		return nil, err
	}
	return h, nil
}

// Serve answers a request, or returns the error that is to be answered and has sent nothing. Package proxy applies the cross-origin
// rule before it, sets the headers that all answers below /auth/ have, and answers the error.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	endpoint, err := h.find(r)
	if err == nil {
		err = endpoint.serve(h, w, r)
	}
	if endpoint.page {
		return httperror.OnPage(err)
	}
	return err
}
