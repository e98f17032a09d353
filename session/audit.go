package session

import (
	"go.uber.org/zap"
)

// audit writes the audit lines of the log: what happened to which session.
type audit struct{ log *zap.Logger }

// session writes a line about a session.
func (a audit) session(event, result string, s *Session) {
	a.key(event, result, s.record.user.ID, s.key)
}

// key writes a line about the session under a record key, when the session itself is not at hand.
func (a audit) key(event, result, user, key string, more ...zap.Field) {
	a.log.Info("audit", append([]zap.Field{zap.String("event", event), zap.String("result", result),
		zap.String("user", user), zap.String("session", label(key))}, more...)...)
}
