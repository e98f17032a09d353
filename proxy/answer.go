package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// droppedFromAPI are the headers of an API answer that would speak for the gateway's own origin.
var droppedFromAPI = map[string]bool{
	"Set-Cookie": true, "Strict-Transport-Security": true, "Alt-Svc": true, "Clear-Site-Data": true, "Server": true,
	"Via": true, "Link": true, "Refresh": true, "Service-Worker-Allowed": true, "Content-Security-Policy": true,
	"Content-Security-Policy-Report-Only": true,
}

// dropFromAPI removes them from a header, the final one or the trailers.
func dropFromAPI(h http.Header) {
	dropReserved(h)
	for name := range h {
		if droppedFromAPI[name] || strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
}

// dropReserved removes what only the gateway itself may say, on every route.
func dropReserved(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "Stagedoor-") || strings.HasPrefix(name, "X-Stagedoor-") || name == requestIDHeader {
			delete(h, name)
		}
	}
}

// cleanAnswer is the reverse proxy's ModifyResponse for Spotify's answers. An error is what is answered instead.
func (a *apiRoute) cleanAnswer(res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("the API switched protocols, which nobody asked for")
	}
	if res.StatusCode == http.StatusTooManyRequests {
		a.metrics.RateLimited()
	}
	if err := a.explainRefusal(res); err != nil {
		return err
	}
	dropFromAPI(res.Header)
	dropFromAPI(res.Trailer) // those that are announced
	a.links.mapLocation(res)
	makePrivate(res.Header)
	a.links.rewriteBody(res)
	guardBody(res, dropFromAPI)
	return nil
}

// cleanEarly is dropFromAPI for a 1xx header.
func cleanEarly(h http.Header) {
	dropFromAPI(h)
	makePrivate(h)
}

// makePrivate takes away the leave to share an answer: the same address has another one for another user.
func makePrivate(h http.Header) {
	for i, line := range h["Cache-Control"] {
		if !containsFold(line, "public") {
			continue
		}
		var directives []string
		for directive := range strings.SplitSeq(line, ",") {
			if name := strings.TrimSpace(directive); strings.EqualFold(name, "public") {
				directive = strings.Replace(directive, name, "private", 1)
			}
			directives = append(directives, directive)
		}
		h["Cache-Control"][i] = strings.Join(directives, ",")
	}
}

// mapLocation brings a Location inside the API to the gateway's route, and removes any other: neither shall a client
// be led to where it has no credentials, nor to a place that an answer has chosen.
func (m linkMap) mapLocation(res *http.Response) {
	values := res.Header["Location"]
	res.Header.Del("Location")
	if len(values) != 1 {
		return
	}
	location, err := res.Request.URL.Parse(values[0])
	if err != nil || location.User != nil || location.Scheme != m.api.Scheme || location.Host != m.api.Host {
		return
	}
	rest, inside := strings.CutPrefix(location.EscapedPath(), m.api.EscapedPath())
	if !inside || (rest != "" && rest[0] != '/') {
		return
	}
	mapped := m.public + rest
	if location.RawQuery != "" {
		mapped += "?" + location.RawQuery
	}
	if location.Fragment != "" {
		mapped += "#" + location.EscapedFragment()
	}
	res.Header.Set("Location", mapped)
}

// guardedBody cleans the trailers, which are known only when the body has been read, and remembers why a body ended
// early.
type guardedBody struct {
	io.ReadCloser
	res  *http.Response
	drop func(http.Header)
}

func guardBody(res *http.Response, drop func(http.Header)) {
	res.Body = &guardedBody{ReadCloser: res.Body, res: res, drop: drop}
}

func (g *guardedBody) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	ctx := g.res.Request.Context()
	err = callOf(ctx).redact(err)
	if !errors.Is(err, context.Canceled) {
		exchangeOf(ctx).brokenOff = err
	}
	return n, err
}

// Close is called before the trailers are looked at.
func (g *guardedBody) Close() error {
	err := g.ReadCloser.Close()
	g.drop(g.res.Trailer)
	return err
}

// linkMap says which links lead into the API, and what they become.
type linkMap struct {
	api    *url.URL     // without a slash at its end
	public string       // public_url and the route's prefix, without a slash at its end
	links  linkRewriter // of no document yet
}

func newLinkMap(api, public *url.URL, prefix string) linkMap {
	to := public.String() + (&url.URL{Path: prefix}).EscapedPath()
	return linkMap{api: api, public: to, links: *newLinkRewriter(api.String()+"/", to+"/")}
}

// rewriter returns a rewriter for one document.
func (m linkMap) rewriter() *linkRewriter { return &m.links }
