package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"stagedoor/httperror"
	"stagedoor/proxy/quota"
)

// caller is the reverse proxy's transport on a credentialed route. An answer comes from what is kept, from an equal call
// that is under way, or from a call: through the gate and the budget, with a token, to Spotify, and cleaned on its way
// back. Calls are made in an exchange of their own, because one may outlive the request that began it.
type caller struct {
	route *apiRoute
	quota *quota.Quota
	reuse reuseRules
	next  http.RoundTripper // makes the call: see replayer
}

// RoundTrip implements http.RoundTripper for requests that outgoing has made.
func (c *caller) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	path := strings.TrimPrefix(r.URL.Path, c.route.api.Path)
	ask := &quota.Ask{
		Owner: x.call.session.Key(), Route: c.route.prefix, Request: r, Client: x.request.Header, Reuse: c.reuse.life(path),
	}
	if x.call.session.IsUser() {
		ask.Session = ask.Owner
	}
	called := &exchange{request: x.request, body: x.body}
	res, from, err := c.quota.Cache.Do(ask, func(ctx context.Context, conditions http.Header, turn quota.Turn) (*http.Response, error) {
		own := *x.call
		own.turn = turn
		called.call = &own
		return c.call(context.WithValue(ctx, exchangeKey{}, called), r, conditions)
	})
	switch from {
	case quota.FromMiss, quota.FromRevalidated, quota.FromOff: // the call has ended, as far as this request began it
		x.upstream += called.upstream
	}
	x.cache = from
	if err != nil {
		return nil, err
	}
	res.Request = r
	res.Body = &tracedBody{ReadCloser: res.Body, x: x}
	return res, nil
}

// call makes a call and cleans its answer. The conditions replace the client's.
func (c *caller) call(ctx context.Context, r *http.Request, conditions http.Header) (*http.Response, error) {
	out := r.WithContext(ctx)
	out.Header = maps.Clone(r.Header) // which the token is written into, while others may read the request's
	if conditions != nil {
		delete(out.Header, "If-None-Match")
		delete(out.Header, "If-Modified-Since")
		maps.Copy(out.Header, conditions)
	}
	res, err := c.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if err := c.route.cleanAnswer(res); err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	return res, nil
}

// tracedBody remembers for the access line why an answer ended early.
type tracedBody struct {
	io.ReadCloser
	x *exchange
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		b.x.brokenOff = err
	}
	return n, err
}

// quotaRefusal is the answer to a request that got no call because calls are limited, or nothing of what is kept; nil for
// any other error.
func quotaRefusal(err error) error {
	if errors.Is(err, quota.ErrNotCached) {
		return httperror.New(httperror.NotCached, "Nothing is kept for this request, and it asks for nothing else (only-if-cached).", nil)
	}
	limited, is := quota.IsLimited(err)
	if !is {
		return nil
	}
	reason := httperror.RateLimited
	if limited.Reason == quota.ReasonQuota {
		reason = httperror.QuotaExceeded
	}
	refusal := httperror.New(reason, limited.Text()+". Try again after the time in Retry-After.", nil)
	refusal.RetryAfter = max(time.Second, limited.RetryAfter)
	return refusal
}

// isQuota tells of a 429 whether Spotify's quota is its reason.
func isQuota(res *http.Response) bool { return containsFold(peekMessage(res), "quota") || peekReason(res) == "QUOTA_EXCEEDED" }
