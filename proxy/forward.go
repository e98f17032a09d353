package proxy

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"

	"stagedoor/proxy/quota"
	"stagedoor/session"
)

// call is what resolve found out for one request, and what the reverse proxy needs of it.
type call struct {
	session *session.Session
	token   session.Token // once the call is made
	turn    quota.Turn
	target  *url.URL
	header  http.Header // all that Spotify gets, but for Authorization
	body    *requestBody
}

// callOf returns the call of a request on a credentialed route; nil on another.
func callOf(ctx context.Context) *call { return exchangeOf(ctx).call }

// outgoing builds the request that goes to Spotify, from nothing: what is not put in here does not leave, trailers and
// protocol switches among it. Its header is added by rewriteCall, when the reverse proxy has made its own copy.
func outgoing(r *http.Request, c *call) *http.Request {
	body, _ := c.body.reader() // the first one never fails
	out := &http.Request{
		Method: r.Method, URL: c.target, Host: c.target.Host, Body: body, ContentLength: c.body.length,
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
	}
	if body != http.NoBody {
		out.GetBody = c.body.reader
	}
	return out.WithContext(r.Context())
}

// rewriteCall is the reverse proxy's Rewrite: what it has made of the request is exchanged for what was resolved.
func rewriteCall(pr *httputil.ProxyRequest) {
	c := callOf(pr.In.Context())
	pr.Out.URL, pr.Out.Header = c.target, c.header
}
