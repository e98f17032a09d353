package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"stagedoor/proxy/policy"
)

// cleanAnswer makes of Spotify's answer what goes to the client. An error is what is answered instead.
func (a *apiRoute) cleanAnswer(res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("the API switched protocols, which nobody asked for")
	}
	if err := judgeStatus(res); err != nil {
		return err
	}
	if res.StatusCode == http.StatusTooManyRequests {
		a.metrics.RateLimited()
	}
	if err := a.explainRefusal(res); err != nil {
		return err
	}
	policy.DropHopByHop(res.Header)
	policy.CleanFinal(res.Header)
	a.links.mapLocation(res)
	if err := a.links.rewriteBody(res); err != nil {
		return err
	}
	if policy.MayBePage(res.StatusCode, res.Header) { // JSON keeps its type and its bytes, and so does any other answer
		res.Header.Set("Content-Security-Policy", policy.Sandbox)
	}
	guardBody(res, policy.CleanAside)
	return awaitFirstPiece(res, 0)
}

// judgeStatus refuses a status that is none and that no server could send on (RFC 9110 section 15).
func judgeStatus(res *http.Response) error {
	if res.StatusCode < http.StatusContinue {
		return fmt.Errorf("the upstream's answer has the status %03d, which is none", res.StatusCode)
	}
	return nil
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
	if !policy.Below(location.Path, m.api.Path) {
		return
	}
	path, err := policy.NewPath(location, m.api.Path)
	if err != nil { // not even the route would take it
		return
	}
	mapped := m.public + path.Escaped
	if location.RawQuery != "" {
		mapped += "?" + location.RawQuery
	}
	if location.Fragment != "" {
		mapped += "#" + location.EscapedFragment()
	}
	res.Header.Set("Location", mapped)
}

// guardedBody cleans the trailers, of which some are known only when the body has been read, and remembers why a body
// ended early.
type guardedBody struct {
	io.ReadCloser
	res  *http.Response
	drop func(http.Header)
}

func guardBody(res *http.Response, drop func(http.Header)) {
	g := &guardedBody{ReadCloser: res.Body, res: res, drop: drop}
	g.cleanTrailers() // those that are announced
	res.Body = g
}

func (g *guardedBody) cleanTrailers() {
	policy.DropHopByHop(g.res.Trailer)
	g.drop(g.res.Trailer)
}

func (g *guardedBody) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	exchangeOf(g.res.Request.Context()).noteEnd(err)
	if errors.Is(err, io.EOF) {
		g.cleanTrailers() // a short body may have been read to its end before they are announced
	}
	return n, err
}

// Close is called before the trailers are looked at.
func (g *guardedBody) Close() error {
	err := g.ReadCloser.Close()
	g.cleanTrailers()
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
func (m linkMap) rewriter() *linkRewriter {
	links := m.links
	return &links
}
