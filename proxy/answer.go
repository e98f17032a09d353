package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"stagedoor/proxy/policy"
)

// cleanAnswer turns Spotify's answer into the client's. An error is answered instead.
func (a *apiRoute) cleanAnswer(res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("the API switched protocols, which was not asked for")
	}
	if err := checkStatus(res); err != nil {
		return err
	}
	if res.StatusCode == http.StatusTooManyRequests {
		a.metrics.RateLimited()
	}
	whole, err := gather(res)
	if err != nil {
		return fmt.Errorf("%w: %w", errBrokenAnswer, err)
	}
	guardBody(res, policy.CleanAside)
	if err := a.explainForbidden(res); err != nil {
		return err
	}
	policy.DropHopByHop(res.Header)
	policy.CleanFinal(res.Header)
	a.links.MapLocation(res)
	if err := a.rewriteLinks(res, whole); err != nil {
		return fmt.Errorf("%w: %w", errBrokenAnswer, err)
	}
	if policy.MayBePage(res.StatusCode, res.Header) { // JSON keeps its type and its bytes, and so does any other answer
		res.Header.Set("Content-Security-Policy", policy.Sandbox)
	}
	return nil
}

// rewriteLinks rewrites an answer that is there as a whole at once, and any other as it comes, when its first piece is there.
func (a *apiRoute) rewriteLinks(res *http.Response, whole []byte) error {
	if whole != nil {
		return a.links.RewriteWhole(res, whole)
	}
	a.links.RewriteBody(res)
	return awaitFirstPiece(res, 0)
}

// checkStatus rejects a number that is not a status, which no server could send on (RFC 9110 section 15).
func checkStatus(res *http.Response) error {
	if res.StatusCode < http.StatusContinue {
		return fmt.Errorf("the upstream's answer has %03d where its status is expected", res.StatusCode)
	}
	return nil
}

// guardedBody cleans the trailers, of which some are known only when the body has been read, and keeps why a body
// ended early.
type guardedBody struct {
	io.ReadCloser
	res  *http.Response
	drop func(http.Header)
}

func guardBody(res *http.Response, drop func(http.Header)) {
	g := &guardedBody{ReadCloser: res.Body, res: res, drop: drop}
	g.cleanTrailers() // those that are announced
	if res.Body != http.NoBody {
		res.Body = g
	}
}

func (g *guardedBody) cleanTrailers() {
	policy.DropHopByHop(g.res.Trailer)
	g.drop(g.res.Trailer)
}

func (g *guardedBody) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	exchangeOf(g.res.Request.Context()).ended(err)
	if errors.Is(err, io.EOF) {
		g.cleanTrailers() // a short body may have been read to its end before they are announced
	}
	return n, err
}

// Close is called before the trailers are read.
func (g *guardedBody) Close() error {
	err := g.ReadCloser.Close()
	g.cleanTrailers()
	return err
}
