package session

import (
	"slices"
	"time"
)

// endedLifetime is how long the record of an ended grant is kept, unused.
const endedLifetime = 24 * time.Hour

// Session is one browser's session as it was when it was loaded. It is immutable and safe for concurrent use.
type Session struct {
	id      Secret
	key     string
	version uint64
	record  record
	limits  limits
}

// limits are the two timeouts of a session.
type limits struct {
	idle     time.Duration
	lifetime time.Duration
}

// User returns who logged in.
func (s *Session) User() User { return s.record.user }

// Scopes returns what the user granted.
func (s *Session) Scopes() []string { return slices.Clone(s.record.grant.Scopes) }

// Label stands for the session in a log.
func (s *Session) Label() string { return label(s.key) }

// String is Label: a Session that is printed gives nothing away.
func (s *Session) String() string { return "session " + s.Label() }

// ReauthorizeBy returns when Spotify ends the user's authorization.
func (s *Session) ReauthorizeBy() time.Time { return s.record.authorizedAt.Add(GrantLifetime) }

// ExpiresAt returns when the session ends if nobody uses it any more.
func (s *Session) ExpiresAt() time.Time {
	return earlier(s.record.lastSeenAt.Add(s.limits.idle), s.deadline())
}

// deadline returns when the session ends however much it is used.
func (s *Session) deadline() time.Time {
	return earlier(s.record.createdAt.Add(s.limits.lifetime), s.ReauthorizeBy())
}

// ttl returns how long the store shall keep the record when it is written now.
func (s *Session) ttl(now time.Time) time.Duration {
	left := s.deadline().Sub(now)
	if s.record.ended {
		return min(endedLifetime, left)
	}
	return min(s.limits.idle, left)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
