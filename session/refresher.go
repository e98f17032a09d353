package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/outcome"
	"stagedoor/internal/tracing"
	"stagedoor/secret"
)

const (
	// stepTime bounds each step of a refresh: the wait for another replica, the call, the write. Each has a time of its
	// own, so that a long wait does not cut off a call that cannot be repeated for the same answer.
	stepTime = time.Minute
	// waitForToken bounds how long a request waits for a refresh when it has no good token meanwhile.
	waitForToken = 15 * time.Second
	// waitWithToken is the same for a request whose token is good, but for less time than its use takes.
	waitWithToken = 5 * time.Second
	// enoughLife is the lifetime that a token must have left for a request that goes on with it while it is refreshed.
	enoughLife = 5 * time.Second
	// ForcedRefreshInterval is the least time between two forced refreshes of a session.
	ForcedRefreshInterval = 30 * time.Second
)

// errTooLong is why a request stopped waiting for a refresh that goes on without it.
var errTooLong = &RefreshUnavailableError{Cause: errors.New("the refresh takes too long")}

// refresher keeps the tokens of sessions fresh: one flight a session in the process, one lease over all replicas, one call of
// the token endpoint, one write. After a failure it waits for the backoff. It is safe for concurrent use.
type refresher struct {
	vault    *vault
	cache    *cache
	ends     *ends
	leases   Leases
	settings *atomic.Pointer[settings]
	flights  *flights
	backoffs *backoffs
	rejected rejectedTokens
	metrics  Metrics
	audit    audit
	now      func() time.Time
	log      *zap.Logger

	grantEnded func(key string)
	background *sync.WaitGroup // flights
}

// token is Manager.Token.
func (r *refresher) token(ctx context.Context, s *Session, use time.Duration) (Token, error) {
	now, current := r.now(), s.record.grant.Token
	why := need{use: max(use, r.settings.Load().Config.RefreshBefore)}
	if !s.record.due(now, why.use) {
		return current, nil
	}
	left := current.Expiry.Sub(now)
	if !s.renewable() {
		if left > 0 {
			return current, nil
		}
		return Token{}, ErrReauthorize
	}
	if left >= max(use, enoughLife) {
		if r.backingOff(s) == nil {
			r.flight(ctx, s, why)
		}
		return current, nil
	}
	patience := waitForToken
	if left >= enoughLife {
		patience = waitWithToken
	}
	next, err := r.refreshed(ctx, s, why, patience)
	if errors.Is(err, ErrRefreshedLately) { // it joined a flight that was forced for another token
		next, err = r.refreshed(ctx, s, why, patience)
	}
	if err != nil && transient(err) && ctx.Err() == nil && current.goodAt(r.now()) {
		return current, nil
	}
	return next, err
}

// need says why a refresh is asked for: the token would end during its use, or Spotify rejected it.
type need struct {
	use      time.Duration
	rejected secret.Text
}

// forced reports whether the refresh is for a token that has not expired.
func (n need) forced() bool { return !n.rejected.IsZero() }

// of checks the record as it is now: another replica may have refreshed it meanwhile.
func (n need) of(r record, now time.Time) bool {
	if n.forced() {
		return r.grant.Access.Equal(n.rejected)
	}
	return r.due(now, n.use)
}

// transient reports whether an error says nothing about the grant, so that a good token may still be used.
func transient(err error) bool {
	return !errors.Is(err, ErrReauthorize) && !errors.Is(err, ErrNoSession)
}

// flight returns the one refresh of the session in this process, and begins it when there is none. The refresh belongs to
// no request: it goes on when all of them have left.
func (r *refresher) flight(ctx context.Context, s *Session, why need) *flight {
	return r.flights.join(s.key, func(f *flight) {
		ctx, f.span = tracing.Detach(ctx, "refresh")
		r.background.Go(func() {
			defer f.span.End()
			token, err := r.fly(ctx, f, s, why)
			if err != nil {
				f.span.Failed("no new token") // the log has the cause
			}
			r.flights.end(s.key, f, token, err)
		})
	})
}

// refreshed waits for the session's refresh.
func (r *refresher) refreshed(ctx context.Context, s *Session, why need, patience time.Duration) (Token, error) {
	if err := r.backingOff(s); err != nil {
		return Token{}, err
	}
	f := r.flight(ctx, s, why)
	_, wait := tracing.Start(ctx, "wait for refresh")
	defer wait.End()
	wait.Link(f.span)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case <-timer.C:
		return Token{}, errTooLong
	case <-f.published:
		if f.err == nil && why.forced() && f.token.Access.Equal(why.rejected) { // the request joined a flight for another token
			return Token{}, ErrRefreshedLately
		}
		return f.token, f.err
	}
}

// backingOff returns an error while it is too early for another call: this session's last one failed, or Spotify rejected the
// client of all sessions.
func (r *refresher) backingOff(s *Session) error {
	if cause, left := r.backoffs.active(s.key, r.now()); cause != nil {
		return backoffError(cause, left)
	}
	return nil
}

// backoffError is what a request gets during a backoff: the reason of the last failure, and how long the backoff lasts.
func backoffError(cause error, left time.Duration) error {
	if errors.Is(cause, ErrClientMisconfigured) {
		return cause
	}
	var unavailable *RefreshUnavailableError
	if errors.As(cause, &unavailable) {
		cause = unavailable.Cause
	}
	return &RefreshUnavailableError{RetryAfter: left, Cause: cause}
}

// fly acquires the lease of the session, checks whether a refresh is still needed, refreshes, and saves the outcome.
func (r *refresher) fly(ctx context.Context, f *flight, s *Session, why need) (Token, error) {
	holder := newID().Reveal()
	acquired, current, err := r.acquireLease(ctx, s, why, holder)
	if err != nil {
		return Token{}, err
	}
	if acquired {
		defer r.releaseLease(ctx, s, holder)
		stopRenewing := r.renewLease(s, holder)
		defer stopRenewing()
		if current, err = r.refreshUnderLease(ctx, f, s, why, holder); err != nil {
			return Token{}, err
		}
	}
	r.cache.put(current, current.asked) // not now: it may have ended meanwhile
	if current.record.ended {
		return Token{}, ErrReauthorize
	}
	return current.record.grant.Token, nil
}

// refreshUnderLease refreshes under the lease. It returns the session as it is afterwards, written by any replica.
func (r *refresher) refreshUnderLease(ctx context.Context, f *flight, s *Session, why need, holder string) (*Session, error) {
	call, cancel := step(ctx)
	defer cancel()
	current, err := r.load(call, s.recordKey) // what the last holder wrote
	if err != nil || current.record.ended || !why.of(current.record, r.now()) {
		return current, err
	}
	now := r.now()
	if why.forced() && current.ReplacedLately(now) {
		return nil, ErrRefreshedLately
	}
	if err := r.backingOff(current); err != nil { // since the flight began
		return nil, err
	}
	with := r.settings.Load()
	next, err := with.nextGrant(call, current)
	result, took := refreshResult(err), r.now().Sub(now)
	defer func() { r.metrics.Refreshed(result, took, f.span.TraceID()) }()
	if errors.Is(err, ErrGrantEnded) {
		return r.endGrant(ctx, current, holder)
	}
	if err != nil {
		r.refreshFailed(current, err, with)
		return nil, err
	}
	r.backoffs.worked(s.key)
	change := func(r *record) {
		r.grant = r.grant.succeededBy(next)
		r.ended = false // another replica's refresh token was rejected because it was just spent; the grant is good
		r.refreshedAt = instantOf(now)
		if why.forced() {
			r.forcedAt = instantOf(now)
		}
	}
	saved, err := r.saveOver(ctx, current, holder, change, func(unsaved *Session) { // the requests need not wait for the write
		r.cache.replace(unsaved)
		f.publish(unsaved.record.grant.Token, nil)
	})
	if err != nil {
		result = outcome.RefreshLost
		r.audit.session("refresh", "lost", current)
		return nil, err
	}
	r.audit.session("refresh", "ok", saved)
	return saved, nil
}

// nextGrant makes the one call of the token endpoint.
func (c *settings) nextGrant(ctx context.Context, s *Session) (Grant, error) {
	if s.kind == kindApp {
		return c.App(ctx)
	}
	return c.Refresh(ctx, s.record.grant.Refresh)
}

// endGrant marks the session as one that only a new login helps, unless another replica has refreshed it meanwhile.
func (r *refresher) endGrant(ctx context.Context, s *Session, holder string) (*Session, error) {
	r.backoffs.worked(s.key)
	saved, err := r.saveOver(ctx, s, holder, func(r *record) { r.ended = true }, nil)
	if err == nil && saved.record.ended {
		r.grantEnded(saved.key)
		r.audit.key("reauthorization_required", "invalid_grant", saved.record.user.ID, saved.key,
			zap.Stringer("reason", outcome.EndInvalidGrant))
		if saved.kind == kindSession {
			r.ends.grantEnded(ctx, saved)
		}
	}
	return saved, err
}

// refreshFailed begins a backoff after a transient error of a call that was made with some settings. The session stays as it is.
func (r *refresher) refreshFailed(s *Session, cause error, with *settings) {
	var unavailable *RefreshUnavailableError
	retryAfter := time.Duration(0)
	if errors.As(cause, &unavailable) {
		retryAfter = unavailable.RetryAfter
	}
	rejected := errors.Is(cause, ErrClientMisconfigured)
	if outdated := rejected && with != r.settings.Load(); !outdated { // the client that is in use now was not rejected
		r.backoffs.failed(s.key, cause, retryAfter, r.now())
	}
	if rejected {
		r.log.Error("Spotify refuses the client id or secret; correct spotify.client_id and spotify.client_secret",
			zap.String("session", s.Label()), zap.Error(cause))
	} else {
		r.log.Warn("a token could not be refreshed", zap.String("session", s.Label()), zap.Error(cause))
	}
	r.audit.session("refresh", "failed", s)
}

// step begins a step of a refresh, in the refresh's context, which is that of no request.
func step(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, stepTime)
}

// sleep waits, or returns ctx's error when that ends first.
func sleep(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// load is vault.load, and drops what is not there from the cache.
func (r *refresher) load(ctx context.Context, k recordKey) (*Session, error) {
	s, err := r.vault.load(ctx, k, nil)
	if errors.Is(err, ErrNoSession) {
		r.cache.drop(k.key)
	}
	return s, err
}
