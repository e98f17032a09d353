package session

import (
	"slices"
	"time"

	"stagedoor/internal/outcome"
)

// endedLifetime is how long the record of an ended grant is kept, unused.
const endedLifetime = 24 * time.Hour

// Session is one browser's session as it was when it was loaded; or a shared account, or the app itself, which have a
// token and no browser. It is immutable and safe for concurrent use.
type Session struct {
	recordKey
	version uint64
	sealed  uint64    // a hash of the sealed record, when it came from the store
	asked   time.Time // when it was asked for in the store, or was about to be written there
	record  record
	limits  limits
}

// limits are the two timeouts of a session.
type limits struct {
	idle     time.Duration
	lifetime time.Duration
}

// IsUser reports whether a browser's user logged in to the session, so that another login could replace its grant.
func (s *Session) IsUser() bool { return s.kind != kindApp && s.kind != kindAccount }

// User returns the user that logged in.
func (s *Session) User() User { return s.record.user }

// Scopes returns what the user granted.
func (s *Session) Scopes() []string { return slices.Clone(s.record.grant.Scopes) }

// Key is the record key of the session: another for each session, and the same for each account and for the app.
func (s *Session) Key() string { return s.key }

// Label identifies the session in a log.
func (s *Session) Label() string { return label(s.key) }

// String is Label: a Session that is printed reveals no secret.
func (s *Session) String() string { return "session " + s.Label() }

// ReauthorizeBy returns when Spotify ends the user's authorization.
func (s *Session) ReauthorizeBy() time.Time { return s.record.authorizedAt.time().Add(GrantLifetime) }

// ExpiresAt returns when the session ends unless it is used before.
func (s *Session) ExpiresAt() time.Time {
	expires := earlier(s.idleUntil(), s.deadline())
	if s.renewable() {
		return expires
	}
	return earlier(expires, s.record.grant.Expiry)
}

// ReplacedLately reports whether the session's token took the place of one that Spotify had rejected, so short a time ago that no
// refresh can be forced yet: see Manager.Replace.
func (s *Session) ReplacedLately(now time.Time) bool {
	return now.Sub(s.record.forcedAt.time()) < ForcedRefreshInterval
}

// renewable reports whether there is a way to the next token.
func (s *Session) renewable() bool { return s.kind == kindApp || !s.record.grant.Refresh.IsZero() }

// deadline returns when the record ends however much it is used.
func (s *Session) deadline() time.Time { return s.deadlineBy(s.limits) }

func (s *Session) deadlineBy(l limits) time.Time {
	switch s.kind {
	case kindApp:
		return s.record.grant.Expiry
	case kindAccount: // the two timeouts are about browsers
		return s.ReauthorizeBy()
	}
	return earlier(s.record.createdAt.time().Add(l.lifetime), s.ReauthorizeBy())
}

// expiryBy returns the record.expiresAt of a browser's session that was last used at lastSeenAt, by the limits. A record
// outlives its session's deadline a little, because it alone can tell that Spotify ended the grant.
func (s *Session) expiryBy(l limits) instant {
	return instantOf(earlier(s.record.lastSeenAt.time().Add(l.idle), s.deadlineBy(l).Add(endedLifetime)))
}

// idleUntil returns when a browser's session ends unless it is used before. It is what the store was given at its last use,
// whatever the idle timeout has become since: the next use makes it what the timeout says then.
func (s *Session) idleUntil() time.Time {
	if s.record.expiresAt == 0 {
		return s.expiryBy(s.limits).time()
	}
	return s.record.expiresAt.time()
}

// ttl returns how long the store has to keep the record when it is written now. Idle time counts from the last use, not from
// a later write.
func (s *Session) ttl(now time.Time) time.Duration {
	if s.kind == kindApp {
		return s.deadline().Sub(now)
	}
	left := s.deadline().Add(endedLifetime).Sub(now)
	switch {
	case s.record.ended:
		return min(endedLifetime, left)
	case s.kind == kindAccount: // it is kept without any use
		return left
	default:
		return min(s.idleUntil().Sub(now), left)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// usable reports whether the session can serve a request. Its errors are for the browser.
func (s *Session) usable(now time.Time) error {
	switch {
	case s.kind == kindApp: // it has no user who could end it
		return nil
	case s.record.ended || !now.Before(s.ReauthorizeBy()):
		return ErrReauthorize
	case !now.Before(s.deadline()):
		return &EndedError{Reason: outcome.EndAbsolute}
	case !s.renewable() && !s.record.grant.goodAt(now):
		return ErrReauthorize
	default:
		return nil
	}
}
