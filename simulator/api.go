package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// call is one request of the Web API, its token checked and its scopes sufficient.
type call struct {
	*request
	server *Server
	token  *accessToken
	world  *world
	home   *home // the user's; nil for a client's own token
	now    time.Time
	query  url.Values
	path   string            // below /v1, as sent, but for one slash at its end, which Spotify does not mind
	vars   map[string]string // the {names} of the endpoint's path
	base   string            // of href, next and previous
	public string            // of images and external URLs
}

// answer is what a handler says; the zero answer is an empty 200.
type answer struct {
	status int // zero means 200
	body   any // encoded as JSON; nil for none
	text   string
}

// api is everything below /v1.
func (s *Server) api(w http.ResponseWriter, r *request) {
	s.mu.Lock()
	a, err := s.callLocked(r)
	s.mu.Unlock()
	var refused *apiError
	if errors.As(err, &refused) {
		a = refused.reply()
		a.header.Set("Cache-Control", "private, max-age=0")
	}
	spotifyHeaders(a.header)
	a.compress(r.Request)
	a.write(w, r.Request)
}

// callLocked checks a call and carries it out. The answer is encoded under the lock, because it shares the world.
func (s *Server) callLocked(r *request) (*reply, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The query cannot be read")
	}
	token, err := s.bearerLocked(r.Request, query)
	if err != nil {
		return nil, err
	}
	if err := s.limitLocked(token.client, r.Request); err != nil {
		return nil, err
	}
	c := &call{
		request: r, server: s, token: token, world: s.world, now: s.nowLocked(), query: query,
		path: strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), "/v1"), "/"), base: s.options.APIBase, public: s.options.PublicURL,
	}
	if c.base == "" {
		c.base = origin(r.Request) + "/v1"
	}
	if c.public == "" {
		c.public = origin(r.Request)
	}
	e, err := c.find()
	if err != nil {
		return nil, err
	}
	if err := c.admit(e); err != nil {
		return nil, err
	}
	if token.grant != nil {
		c.home = s.world.homes[token.grant.user]
		c.home.settle(c.now)
	}
	said, err := e.handle(c)
	if err != nil {
		return nil, err
	}
	return c.encode(e, said), nil
}

// find looks the endpoint up. Only a path that is written in the one plain way is found.
func (c *call) find() (*endpoint, error) {
	var others []string
	for i := range endpoints {
		vars, ok := endpoints[i].match(c.path)
		if !ok {
			continue
		}
		if endpoints[i].method == c.Method || endpoints[i].method == http.MethodGet && c.Method == http.MethodHead {
			c.vars = vars
			return &endpoints[i], nil
		}
		others = append(others, endpoints[i].method)
	}
	if others != nil {
		return nil, refuse(http.StatusMethodNotAllowed, "Method not allowed; use "+strings.Join(others, " or "))
	}
	return nil, refuse(http.StatusNotFound, "Service not found")
}

// admit checks what every endpoint asks for: length, kind of token, scopes, content type, single parameters.
func (c *call) admit(e *endpoint) error {
	if c.Method != http.MethodGet && c.Method != http.MethodHead {
		declared := len(c.Header.Values("Content-Length")) > 0 || c.ContentLength > 0
		if chunked := c.ContentLength < 0; chunked && !e.upload || !chunked && !declared && c.Method != http.MethodDelete {
			return &apiError{status: http.StatusLengthRequired, html: true, message: lengthRequired}
		}
	}
	if c.token.grant == nil && !e.app {
		return &apiError{status: http.StatusUnauthorized, message: "Valid user authentication required", challenge: bareChallenge}
	}
	if err := c.needAll(e.scopes...); err != nil {
		return err
	}
	for name, values := range c.query {
		if len(values) > 1 {
			return refuse(http.StatusBadRequest, "There is more than one parameter "+name)
		}
	}
	if len(c.body) > 0 && e.method == http.MethodGet {
		return refuse(http.StatusBadRequest, "GET has no body")
	}
	return c.checkContentType(e)
}

const lengthRequired = `<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Error 411 (Length Required)</title>` +
	`<p><b>411.</b> POST and PUT need a Content-Length, also when they have no body.</html>`

// checkContentType takes JSON, or no word about the type, because widely used clients send none.
func (c *call) checkContentType(e *endpoint) error {
	kind, _, _ := strings.Cut(c.Header.Get("Content-Type"), ";")
	want := "application/json"
	if e.upload {
		want = "image/jpeg"
	}
	if len(c.body) == 0 || kind == want || kind == "" && !e.upload {
		return nil
	}
	return refuse(http.StatusUnsupportedMediaType, "Send "+want)
}

// needAll checks that the token has every one of the scopes.
func (c *call) needAll(scopes ...string) error {
	for _, scope := range scopes {
		if !slices.Contains(c.token.scopes, scope) {
			return refuse(http.StatusForbidden, messageScope)
		}
	}
	return nil
}

func (c *call) has(scope string) bool { return slices.Contains(c.token.scopes, scope) }

// encode turns a handler's answer into bytes and headers.
func (c *call) encode(e *endpoint, said answer) *reply {
	if said.status == 0 {
		said.status = http.StatusOK
	}
	a := &reply{status: said.status, header: http.Header{}, body: []byte(said.text)}
	if said.body != nil {
		a = jsonReply(said.status, said.body)
	} else if said.text != "" {
		a.header.Set("Content-Type", "application/json; charset=utf-8") // Spotify says so of its opaque strings
	}
	if c.server.uncached {
		return a
	}
	a.header.Set("Cache-Control", "private, max-age=0")
	if e.catalogue {
		a.header.Set("Cache-Control", "public, max-age=7200")
	}
	if !e.tagged {
		return a
	}
	sum := sha256.Sum256(a.body)
	tag := `W/"` + hex.EncodeToString(sum[:16]) + `"`
	a.header.Set("ETag", tag)
	for candidate := range strings.SplitSeq(strings.Join(c.Header.Values("If-None-Match"), ","), ",") {
		if strings.TrimPrefix(strings.TrimSpace(candidate), "W/") == strings.TrimPrefix(tag, "W/") {
			a.status, a.body = http.StatusNotModified, nil
			a.header.Del("Content-Type")
		}
	}
	return a
}

// spotifyHeaders are those of recorded traffic, which a gateway must not let through.
func spotifyHeaders(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Headers", "Accept, App-Platform, Authorization, Content-Type, Origin, Retry-After")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Alt-Svc", `h3=":443"; ma=2592000`)
	h.Set("Via", "HTTP/2 edgeproxy, 1.1 simulator")
	h.Set("Server", "envoy")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Set-Cookie", "simulator_sp_t=0123456789abcdef; Path=/; HttpOnly")
}
