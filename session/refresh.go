package session

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"stagedoor/secret"
)

const (
	// stepTime bounds each step of a refresh: the wait for another replica, the call, the write. Each has a time of its
	// own, so that a long wait cuts no call whose answer cannot be had a second time.
	stepTime = time.Minute
	// waitForToken bounds how long a request waits for a refresh when it has no good token meanwhile.
	waitForToken = 15 * time.Second
	// waitWithToken is the same for a request whose token is good, but for less time than its use takes.
	waitWithToken = 5 * time.Second
	// enoughLife is the life that a token must have left for a request that goes on with it while it is refreshed.
	enoughLife = 5 * time.Second
	// forcedRefreshPause is the least time between two forced refreshes of a session.
	forcedRefreshPause = 30 * time.Second
)

// errTooLong is why a request stopped waiting for a refresh that goes on without it.
var errTooLong = &RefreshUnavailableError{Cause: errors.New("the refresh takes too long")}

// Token returns a token of the session that is good now. One with less than Config.RefreshBefore left is refreshed: beside
// the request while it has enoughLife, so that the request does not wait, and before the request when it has less. When the
// refresh fails, and while the old token is still good, the old one is returned. It answers ErrReauthorize, ErrNoSession (the
// session was ended meanwhile), ErrStoreUnavailable, ErrClientMisconfigured or a RefreshUnavailableError.
func (m *Manager) Token(ctx context.Context, s *Session) (Token, error) {
	return m.TokenFor(ctx, s, 0)
}

// TokenFor is Token for a use that takes so long: a token that ends before is refreshed first.
func (m *Manager) TokenFor(ctx context.Context, s *Session, use time.Duration) (Token, error) {
	now, current := m.options.Now(), s.record.grant.Token
	why := need{use: max(use, m.settings.Load().Config.RefreshBefore)}
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
		if m.paused(s) == nil {
			m.flight(s, why)
		}
		return current, nil
	}
	patience := waitForToken
	if left >= enoughLife {
		patience = waitWithToken
	}
	next, err := m.refreshed(ctx, s, why, patience)
	if errors.Is(err, ErrRefreshedLately) { // it joined a flight that was forced for another token
		next, err = m.refreshed(ctx, s, why, patience)
	}
	if err != nil && passing(err) && ctx.Err() == nil && current.goodAt(m.options.Now()) {
		return current, nil
	}
	return next, err
}

// Replace returns another token for one that Spotify has refused although it looked good. If somebody has replaced it
// already, that one is returned; else a refresh is forced, at most once in forcedRefreshPause: after that it answers
// ErrRefreshedLately. Its other errors are those of Token.
func (m *Manager) Replace(ctx context.Context, s *Session, rejected Token) (Token, error) {
	if !s.renewable() {
		return Token{}, ErrReauthorize
	}
	return m.refreshed(ctx, s, need{rejected: rejected.Access}, waitForToken)
}

// need says why a refresh is asked for: the token would end during its use, or Spotify rejected it.
type need struct {
	use      time.Duration
	rejected secret.Text
}

// forced tells whether the refresh is for a token that looks good.
func (n need) forced() bool { return !n.rejected.IsZero() }

// of looks at the record as it is now: somebody may have refreshed it meanwhile.
func (n need) of(r record, now time.Time) bool {
	if n.forced() {
		return r.grant.Access.Equal(n.rejected)
	}
	return r.due(now, n.use)
}

// passing tells whether an error says nothing about the grant, so that a good token may still be used.
func passing(err error) bool {
	return !errors.Is(err, ErrReauthorize) && !errors.Is(err, ErrNoSession)
}

// flight returns the one refresh of the session in this process, and begins it when there is none. The refresh belongs to
// no request: it goes on when they all have left.
func (m *Manager) flight(s *Session, why need) *flight {
	return m.flights.join(s.key, func(f *flight) {
		m.background.Go(func() {
			token, err := m.fly(f, s, why)
			m.flights.land(s.key, f, token, err)
		})
	})
}

// refreshed waits for the session's refresh.
func (m *Manager) refreshed(ctx context.Context, s *Session, why need, patience time.Duration) (Token, error) {
	if err := m.paused(s); err != nil {
		return Token{}, err
	}
	f := m.flight(s, why)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case <-timer.C:
		return Token{}, errTooLong
	case <-f.known:
		if f.err == nil && why.forced() && f.token.Access.Equal(why.rejected) { // joined a flight that was not about this token
			return Token{}, ErrRefreshedLately
		}
		return f.token, f.err
	}
}

// paused returns an error while it is too early for another call: this session's last one failed, or Spotify refused the
// client, which is everybody's.
func (m *Manager) paused(s *Session) error {
	if cause, left := m.pauses.active(s.key, m.options.Now()); cause != nil {
		return pausedError(cause, left)
	}
	return nil
}

// pausedError is what a request gets during a pause: the reason of the last failure, and how long to stay away.
func pausedError(cause error, left time.Duration) error {
	if errors.Is(cause, ErrClientMisconfigured) {
		return cause
	}
	var unavailable *RefreshUnavailableError
	if errors.As(cause, &unavailable) {
		cause = unavailable.Cause
	}
	return &RefreshUnavailableError{RetryAfter: left, Cause: cause}
}

// fly takes the lease of the session, looks whether a refresh is still needed, refreshes, and writes what came of it.
func (m *Manager) fly(f *flight, s *Session, why need) (Token, error) {
	holder := newID().Reveal()
	current, err := m.awaitLease(s, why, holder)
	if err != nil {
		return Token{}, err
	}
	if current == nil {
		defer m.releaseLease(s, holder)
		stopRenewing := m.renewLease(s, holder)
		defer stopRenewing()
		if current, err = m.refreshHeld(f, s, why, holder); err != nil {
			return Token{}, err
		}
	}
	m.recent.saw(current, current.asked) // not now: it may have ended meanwhile
	if current.record.ended {
		return Token{}, ErrReauthorize
	}
	return current.record.grant.Token, nil
}

// refreshHeld refreshes under the lease. It returns the session as it is afterwards, whoever wrote it last.
func (m *Manager) refreshHeld(f *flight, s *Session, why need, holder string) (*Session, error) {
	ctx, cancel := step()
	defer cancel()
	current, err := m.load(ctx, s.place) // what the last holder wrote
	if err != nil || current.record.ended || !why.of(current.record, m.options.Now()) {
		return current, err
	}
	now := m.options.Now()
	if why.forced() && now.Sub(current.record.forcedAt.time()) < forcedRefreshPause {
		return nil, ErrRefreshedLately
	}
	if err := m.paused(current); err != nil { // since the flight began
		return nil, err
	}
	with := m.settings.Load()
	next, err := with.nextGrant(ctx, current)
	result, took := refreshResult(err), m.options.Now().Sub(now)
	defer func() { m.options.Metrics.Refreshed(result, took) }()
	if errors.Is(err, ErrGrantEnded) {
		return m.endGrant(current, holder)
	}
	if err != nil {
		m.refreshFailed(current, err, with)
		return nil, err
	}
	m.pauses.worked(s.key)
	change := func(r *record) {
		r.grant = r.grant.succeededBy(next)
		r.ended = false // another replica's refusal, of a refresh token that was spent just now, is disproved
		r.refreshedAt = instantOf(now)
		if why.forced() {
			r.forcedAt = instantOf(now)
		}
	}
	saved, err := m.saveOver(current, holder, change, func(unsaved *Session) { // the requests need not wait for the write
		m.recent.update(unsaved)
		f.tell(unsaved.record.grant.Token, nil)
	})
	if err != nil {
		result = refreshLost
		m.audit("refresh", "lost", current)
		return nil, err
	}
	m.audit("refresh", "ok", saved)
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
func (m *Manager) endGrant(s *Session, holder string) (*Session, error) {
	m.pauses.worked(s.key)
	saved, err := m.saveOver(s, holder, func(r *record) { r.ended = true }, nil)
	if err == nil && saved.record.ended {
		m.audit("reauthorization_required", "invalid_grant", saved)
	}
	return saved, err
}

// refreshFailed notes a failure that passes, of a call that was made with some settings. The session stays as it is.
func (m *Manager) refreshFailed(s *Session, cause error, with *settings) {
	var unavailable *RefreshUnavailableError
	retryAfter := time.Duration(0)
	if errors.As(cause, &unavailable) {
		retryAfter = unavailable.RetryAfter
	}
	refused := errors.Is(cause, ErrClientMisconfigured)
	if outdated := refused && with != m.settings.Load(); !outdated { // nobody has refused the client that is in use now
		m.pauses.failed(s.key, cause, retryAfter, m.options.Now())
	}
	if refused {
		m.options.Log.Error("Spotify refuses the client id or secret; correct spotify.client_id and spotify.client_secret",
			zap.String("session", s.Label()), zap.Error(cause))
	} else {
		m.options.Log.Warn("a token could not be refreshed", zap.String("session", s.Label()), zap.Error(cause))
	}
	m.audit("refresh", "failed", s)
}

// step begins a step of a refresh, which belongs to no request.
func step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepTime)
}

// pauseFor waits, or returns ctx's error when that ends first.
func pauseFor(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
