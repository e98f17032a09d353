package proxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/internal/outcome"
	"stagedoor/proxy/live"
	"stagedoor/proxy/policy"
	"stagedoor/session"
)

// liveRoute serves a route with live: a request gets a stream of what Spotify answers at its path, from a poll that it
// shares with all requests for the same on behalf of the same session or account.
type liveRoute struct {
	*apiRoute // decides which requests are allowed
	polls     livePolls
	hub       *live.Hub
	paths     []string
	tag       string // names the route, and what its streams go by
}

func newLiveRoute(route Route, p parts) (*liveRoute, error) {
	if p.Live == nil {
		return nil, errors.New("a gateway with a live route needs Live")
	}
	own, err := newAPIRoute(route.forStreams(), p)
	if err != nil {
		return nil, err
	}
	l := &liveRoute{apiRoute: own, polls: newLivePolls(route, own, p), hub: p.Live, paths: route.Live}
	l.tag = strings.Join([]string{route.Path, route.Credentials, p.api.String(), l.polls.base}, " ")
	return l, nil
}

func (l *liveRoute) serve(w *responseWriter, r *http.Request, x *exchange) error {
	path, answered, err := l.begin(w, r)
	if err != nil || answered {
		return err
	}
	c, err := l.resolve(w, r, path)
	switch {
	case err == nil:
	case l.isOverForGood(r, err):
		l.stop(w, x, err)
		return nil
	default:
		return l.orLogin(w, x, err)
	}
	if c.session.IsUser() {
		x.session = c.session.Label()
	}
	if err := x.stream(false); err != nil { // polls are shared
		return err
	}
	listener, err := l.hub.Subscribe(live.Subscription{
		Owner: c.session.Key(), Session: c.session.IsUser(), Address: l.address(path), Route: l.streamTag(path.Decoded),
		LastEventID: r.Header.Get("Last-Event-Id"), Source: func() live.Source { return l.polls.source(path, c.session) },
	})
	var failed *live.FailedError
	switch {
	case err == nil:
		live.Header(w.Header())
		x.live = true
		l.stream(listener, w, r, x)
	case errors.Is(err, live.ErrDraining): // any other answer would keep an EventSource from coming back
		live.Header(w.Header())
		_, _ = w.Write([]byte(live.Farewell()))
	case errors.As(err, &failed):
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(failed.Status)
		_, _ = w.Write(failed.Body)
	default:
		return tooManyStreams(err)
	}
	return nil
}

// stream has the events written when the request has been dispatched: on HTTP/1 after the handler has returned, else at its end,
// where its stack is small.
func (l *liveRoute) stream(listener *live.Listener, w *responseWriter, r *http.Request, x *exchange) {
	if x.session == "" {
		x.session = l.polls.sessions.Label(r)
	}
	x.letGo()
	conn, header, chunked := w.takeOver(r)
	if conn == nil {
		left := r.Context()
		x.goOn = func(finish func()) {
			x.events = listener.Serve(left, w).Events
			finish()
		}
		return
	}
	x.goOn = func(finish func()) {
		listener.ServeConn(conn, header, chunked, func(result live.Result) {
			x.events, w.bytes, w.failed = result.Events, result.Bytes, result.Err
			finish()
		})
	}
}

// letGo keeps of the request only what the access line says: a stream may last for days.
func (x *exchange) letGo() {
	r := x.request
	header := http.Header{}
	if policy.TraceID(r.Header) != "" {
		header.Set("Traceparent", strings.Clone(r.Header.Get("Traceparent")))
	}
	x.request = &http.Request{
		Method: strings.Clone(r.Method), URL: &url.URL{Path: strings.Clone(r.URL.Path), RawPath: strings.Clone(r.URL.RawPath)}, Header: header,
	}
	x.call, x.body = nil, nil
}

// isOverForGood tells whether a request comes with the cookie of a session that is over. To a reader that comes back by
// itself, such as an EventSource, 204 says to stop (WHATWG HTML, section 9.2.3). A person is sent to the login.
func (l *liveRoute) isOverForGood(r *http.Request, err error) bool {
	_, isUser := l.source.(userSource)
	return isUser && isOver(err) && l.polls.sessions.Label(r) != "" && r.Header.Get("Sec-Fetch-Dest") != "document"
}

// stop answers 204 with the reason.
func (l *liveRoute) stop(w *responseWriter, x *exchange, err error) {
	x.rejection = httperror.From(err)
	w.set(httperror.ReasonHeader, x.rejection.Reason)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// address is what a topic asks, and where its links lead.
func (l *liveRoute) address(path policy.Path) string {
	return l.api.String() + path.Escaped + " " + l.polls.base
}

// streamTag names the settings that the streams of a path depend on.
func (l *liveRoute) streamTag(path string) string { return l.tag + " " + strings.TrimPrefix(path, "/") }

// LiveRoutes has the stream tags of the gateway's routes; see live.Hub.Keep.
func (g *Gateway) LiveRoutes() map[string]bool {
	tags := map[string]bool{}
	for _, bound := range g.routes {
		l, isLive := bound.handler.(*liveRoute)
		if !isLive {
			continue
		}
		for _, path := range l.paths {
			tags[l.streamTag(path)] = true
		}
	}
	return tags
}

// liveProblem says what an error of a call means for a stream.
func liveProblem(err error) *live.Problem {
	if rejection := quotaRejection(err); rejection != nil {
		err = rejection
	}
	var e *httperror.Error
	if !errors.As(err, &e) {
		e = spotifyText.rejection(err)
	}
	if errors.Is(err, session.ErrRefreshedLately) { // a later poll knows whether the grant is over
		return &live.Problem{Event: outcome.EventDelayed, Reason: httperror.UpstreamUnreachable, RetryAfter: e.RetryAfter}
	}
	switch e.Reason {
	case httperror.LoginRequired, httperror.ReauthorizationRequired:
		return &live.Problem{Event: outcome.EventEnded, Status: e.Status, Body: httperror.JSON(e)}
	case httperror.InsufficientScope, httperror.UserNotRegistered:
		return &live.Problem{Event: outcome.EventFailed, Status: e.Status, Body: httperror.JSON(e)}
	default:
		return &live.Problem{Event: outcome.EventDelayed, Reason: e.Reason, RetryAfter: e.RetryAfter}
	}
}

// livePollProblem says what an answer means that is not the one asked for; nil when it is.
func livePollProblem(res *http.Response, body []byte) *live.Problem {
	delayed := &live.Problem{Event: outcome.EventDelayed, Reason: httperror.UpstreamUnreachable, RetryAfter: retryAfterOf(res.Header)}
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests:
		delayed.Reason = httperror.RateLimited
		if isQuotaBody(body) {
			delayed.Reason = httperror.QuotaExceeded
		}
		return delayed
	case code < 400, code >= 500, code == http.StatusUnauthorized, code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		return delayed
	default:
		return &live.Problem{Event: outcome.EventFailed, Status: code, Body: errorLine(code, body)}
	}
}

// errorLine is an error answer on one line: Spotify's, if it is JSON, else one in its shape.
func errorLine(code int, body []byte) []byte {
	var compact json.RawMessage
	if json.Unmarshal(body, &compact) == nil && len(compact) > 0 {
		if line, err := json.Marshal(compact); err == nil { // which compacts it
			return line
		}
	}
	line, err := json.Marshal(map[string]any{"error": map[string]any{"status": code, "message": http.StatusText(code)}})
	if err != nil { // texts and numbers always encode
		panic(err)
	}
	return line
}

func isQuotaBody(body []byte) bool {
	var parsed struct {
		Error struct {
			Reason string `json:"reason"`
		} `json:"error"`
	}
	return json.Unmarshal(body, &parsed) == nil && parsed.Error.Reason == "QUOTA_EXCEEDED"
}

// retryAfterOf reads a Retry-After in seconds; zero without one. Spotify writes no dates.
func retryAfterOf(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds), 24*60*60) * time.Second
}
