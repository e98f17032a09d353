package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
	"stagedoor/proxy/quota"
)

// apiTransport is the reverse proxy's transport on a credentialed route. An answer comes from what is kept, from an equal call
// that is under way, or from a call: through the gate and the budget, with a token, to Spotify, and cleaned on its way
// back. Calls are made in an exchange of their own, because one may outlive the request that began it.
type apiTransport struct {
	route *apiRoute
	quota *quota.Quota
	reuse quota.ReuseRules
	next  http.RoundTripper // makes the call: see replayer
}

// newAPITransport makes the transport of a, which is made of route or takes its place for the polls of a live route.
func newAPITransport(a *apiRoute, route Route, p parts) *apiTransport {
	return &apiTransport{
		route: a, quota: p.Quota, reuse: quota.NewReuseRules(p.Reuse),
		next: &replayer{next: newMeter(route, p, p.Transport), sessions: p.Sessions, limiter: p.Quota.Limiter, metrics: p.Metrics},
	}
}

// RoundTrip implements http.RoundTripper for requests that outgoing has made.
func (c *apiTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	path := strings.TrimPrefix(r.URL.Path, c.route.api.Path)
	ask := &quota.Ask{
		Owner: x.call.session.Key(), Route: c.route.prefix, Request: r, Client: x.request.Header, Reuse: c.reuse.Life(path),
	}
	if x.call.session.IsUser() {
		ask.Session = ask.Owner
	} else {
		ask.Grant = x.call.session.User().ID + x.call.session.ReauthorizeBy().String()
	}
	var detached *exchange
	res, from, err := c.quota.Cache.Do(ask, func(ctx context.Context, conditions http.Header, turn quota.Turn) (*http.Response, error) {
		if ctx == r.Context() {
			x.call.turn = turn
			return c.call(r)
		}
		own := *x.call
		own.turn = turn
		detached = &exchange{request: x.request, body: x.body, call: &own}
		return c.call(detach(r, context.WithValue(ctx, exchangeKey{}, detached), conditions))
	})
	if (from == quota.FromMiss || from == quota.FromRevalidated) && detached != nil { // its header is there
		x.upstream += detached.upstream
	}
	x.cache = from
	if counted, is := answerOutcome(from, err); is {
		c.route.metrics.Answered(counted)
	}
	if err != nil {
		return nil, err
	}
	res.Request = r
	res.Body = &tracedBody{ReadCloser: res.Body, x: x}
	return res, nil
}

// answerOutcome is what a request's answer is counted as, and false for none because of an error that is not the quota's.
func answerOutcome(from quota.From, err error) (outcome.Answer, bool) {
	switch from {
	case quota.FromHit:
		return outcome.AnswerCache, true
	case quota.FromRevalidated:
		return outcome.AnswerRevalidated, true
	case quota.FromJoined:
		return outcome.AnswerJoined, true
	case quota.FromStale:
		return outcome.AnswerStale, true
	case quota.FromNone:
		return outcome.AnswerRefused, quotaRejection(err) != nil
	default: // quota.FromMiss and quota.FromOff
		return outcome.AnswerSpotify, true
	}
}

// detach makes of a request a call that may outlive it. The conditions replace the client's.
func detach(r *http.Request, ctx context.Context, conditions http.Header) *http.Request {
	out := r.WithContext(ctx)
	out.Header = maps.Clone(r.Header) // the token is written into it, while the request's own is read
	if conditions != nil {
		delete(out.Header, "If-None-Match")
		delete(out.Header, "If-Modified-Since")
		maps.Copy(out.Header, conditions)
	}
	return out
}

// call makes a call and cleans its answer.
func (c *apiTransport) call(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r)
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
	b.x.ended(err)
	return n, err
}

// quotaRejection is the answer to a request that got no call because calls are limited, or nothing of what is kept; nil for
// any other error, and for none.
func quotaRejection(err error) error {
	if err == nil { // as of nearly all requests
		return nil
	}
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
	rejection := httperror.New(reason, limited.Text()+". Try again after the time in Retry-After.", nil)
	rejection.RetryAfter = max(time.Second, limited.RetryAfter)
	return rejection
}

// IsQuota tells of a 429 whether Spotify's quota is its reason.
func IsQuota(res *http.Response) bool { return peekError(res).Reason == "QUOTA_EXCEEDED" }
