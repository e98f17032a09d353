package proxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"stagedoor/internal/outcome"
	"stagedoor/proxy/policy"
	"stagedoor/proxy/quota"
	"stagedoor/session"
)

// replayWait is about how long a request waits that got a 401 which does not blame the token: the same token works a
// moment later. Each waits a little more or less, so that they do not come back all at once.
const replayWait = time.Second

// replayer sends a call, and after a 401 once more: a 401 was not executed, whatever its method. One that blames the
// token is replayed with another token, any other with the same. Nothing else is ever sent twice from here, and
// http.Transport itself repeats only GET and HEAD, or what the connection says was never processed (no Idempotency-Key gets
// here, with which it would repeat more).
//
// When a token is blamed and cannot be replaced, the answer says why it cannot: the session has ended; there is an outage of
// Spotify's token service or the store and the client should try again; or the token was replaced by force moments ago, and so
// the grant may be over. A second 401 of one call passes, and so does the first where no login of the caller's helps.
type replayer struct {
	next     http.RoundTripper
	sessions Sessions
	limiter  *quota.Limiter
	metrics  Metrics
}

// RoundTrip implements http.RoundTripper for requests that outgoing has made.
func (t *replayer) RoundTrip(r *http.Request) (*http.Response, error) {
	c := callOf(r.Context())
	first, err := t.send(r, func() (token session.Token, err error) { // once it is the call's turn, so that it is fresh
		if c.token, err = t.sessions.Token(r.Context(), c.session, 0); err != nil {
			return token, tokenError(c.session, err)
		}
		return c.token, nil
	})
	if err != nil || first.StatusCode != http.StatusUnauthorized || !c.body.replayable() {
		return first, err
	}
	token, cause := c.token, outcome.ReplayToken
	if blamesToken(first) {
		token, err = t.sessions.Replace(r.Context(), c.session, c.token)
		if errors.Is(err, session.ErrRefreshedLately) && !c.session.IsUser() { // no login of the caller's helps
			return first, nil
		}
		err = tokenError(c.session, err)
	} else {
		cause = outcome.ReplaySpurious
		err = sleep(r.Context(), replayWait*3/4+rand.N(replayWait/2)) //nolint:gosec // G404: no secret; replays must not meet
	}
	_ = first.Body.Close() // it is read as far as it mattered
	if err != nil {
		return nil, err
	}
	again := r.Clone(r.Context())
	if again.Body, err = c.body.reader(); err != nil {
		return nil, err
	}
	t.metrics.Replayed(cause)
	second, err := t.send(again, func() (session.Token, error) { return token, nil })
	if err == nil && second.StatusCode == http.StatusUnauthorized && blamesToken(second) {
		t.sessions.MarkRejected(c.session, token)
	}
	return second, err
}

// send makes one call when it is its turn. It is the one place where a token leaves the gateway.
func (t *replayer) send(r *http.Request, token func() (session.Token, error)) (*http.Response, error) {
	return t.limiter.Call(r.Context(), callOf(r.Context()).turn, func() (*http.Response, error) {
		good, err := token()
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+good.Access.Reveal())
		return t.next.RoundTrip(r)
	})
}

// blamesToken tells whether a 401 says that the token is expired or invalid: in its challenge (RFC 6750 section 3.1),
// or in Spotify's words.
func blamesToken(res *http.Response) bool {
	for _, challenge := range res.Header["Www-Authenticate"] {
		if policy.ContainsFold(challenge, `error="invalid_token"`) || policy.ContainsFold(challenge, "error=invalid_token") {
			return true
		}
	}
	message := strings.ToLower(peekMessage(res))
	return message == "invalid_token" || strings.Contains(message, "token") &&
		(strings.Contains(message, "expired") || strings.Contains(message, "invalid"))
}

// sleep waits for so long, or until the context ends and then returns its error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
