package session

import (
	"go.uber.org/zap"

	"stagedoor/internal/outcome"
)

// audit writes the audit lines of the log: what happened to which session.
type audit struct{ log *zap.Logger }

// session writes a line about a session.
func (a audit) session(event, result string, s *Session) {
	a.key(event, result, s.record.user.ID, s.key)
}

// ended writes a line about the end of the session under a record key. User is empty when it is not known.
func (a audit) ended(event, result, user, key string, reason outcome.End) {
	a.key(event, result, user, key, zap.Stringer("reason", reason))
}

// key writes a line about the session under a record key, when the session itself is not at hand.
func (a audit) key(event, result, user, key string, more ...zap.Field) {
	a.log.Info("audit", append([]zap.Field{zap.String("event", event), zap.String("result", result),
		zap.String("user", user), zap.String("session", label(key))}, more...)...)
}
