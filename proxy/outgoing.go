package proxy

import (
	"net/http"
)

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
