package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
	"stagedoor/proxy/links"
	"stagedoor/proxy/live"
	"stagedoor/proxy/policy"
	"stagedoor/session"
)

// maxLive bounds an answer that is pushed, in bytes. Each change goes to every listener and replica.
const maxLive = 256 << 10

// livePolls makes the polls of a live route, as requests of low urgency on the route where its links lead. So a poll passes
// the cache, the joining, the gate and the budget, and what it brings is kept for requests there.
type livePolls struct {
	route     *apiRoute
	base      string // where its links lead
	transport http.RoundTripper
	sessions  Sessions
}

func newLivePolls(route Route, own *apiRoute, p parts) livePolls {
	as := *own
	as.metrics = noMetrics{}                                                       // a poll is not a client's request
	public, prefix := &url.URL{Scheme: p.api.Scheme, Host: p.api.Host}, p.api.Path // links stay as they are
	if api, exists := apiRouteFor(route, p.Routes); exists {
		as.prefix = normalPrefix(api.Path)
		public, prefix = p.public, as.prefix
	}
	as.links = links.NewMap(p.api, public, prefix)
	return livePolls{
		route: &as, base: public.String() + prefix, sessions: p.Sessions, transport: newAPITransport(&as, route, p),
	}
}

func (l livePolls) source(path policy.Path, s *session.Session) live.Source {
	source := &liveSource{livePolls: l, path: path}
	source.session.Store(s)
	return source
}

// pollHeader is the client header of a poll: it needs an answer of Spotify's own, at a low urgency (RFC 9218 section 4.1).
var pollHeader = http.Header{"Accept": {"application/json"}, "Cache-Control": {"no-cache"}, "Priority": {"u=7"}}

// liveSource is the live.Source of one path on behalf of one session or account.
type liveSource struct {
	livePolls
	path    policy.Path
	session atomic.Pointer[session.Session] // as it was when it was last checked
}

// Check implements live.Source.
func (s *liveSource) Check(ctx context.Context) (time.Time, *live.Problem) {
	last := s.session.Load()
	found, err := s.sessions.Again(ctx, last)
	if err != nil {
		return time.Time{}, liveProblem(tokenError(last, err))
	}
	s.session.Store(found)
	if found.IsUser() {
		return found.ExpiresAt(), nil
	}
	return found.ReauthorizeBy(), nil
}

// Poll implements live.Source.
func (s *liveSource) Poll(ctx context.Context) ([]byte, *live.Problem) {
	path := &url.URL{Path: s.route.prefix + s.path.Decoded}
	request := &http.Request{Method: http.MethodGet, URL: path, Header: pollHeader, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	c := &call{session: s.session.Load(), target: s.path.URL(s.route.api, path), header: policy.APIRequestHeader(pollHeader, s.route.agent), body: noBody}
	x := &exchange{call: c}
	x.request = request.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	out := outgoing(x.request, c)
	out.Header = c.header
	res, err := s.transport.RoundTrip(out)
	if err != nil {
		return nil, liveProblem(err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	body, err := io.ReadAll(io.LimitReader(res.Body, maxLive+1))
	if err != nil {
		return nil, liveProblem(fmt.Errorf("%w: %w", errBrokenAnswer, err))
	}
	if len(body) > maxLive {
		tooLong := httperror.New(httperror.UpstreamUnreachable, "Spotify's answer is longer than what is pushed.", nil)
		return nil, &live.Problem{Event: outcome.EventFailed, Status: tooLong.Status, Body: httperror.JSON(tooLong)}
	}
	return body, livePollProblem(res, body)
}

// Ended implements live.Source.
func (s *liveSource) Ended() []byte {
	return httperror.JSON(httperror.From(tokenError(s.session.Load(), session.ErrNoSession)))
}

// Seal implements live.Source.
func (s *liveSource) Seal(plain []byte) ([]byte, error) {
	return s.sessions.SealNews(s.session.Load(), plain)
}

// Open implements live.Source.
func (s *liveSource) Open(sealed []byte) ([]byte, error) {
	return s.sessions.OpenNews(s.session.Load(), sealed)
}
