package session

import (
	"context"
	"slices"
	"strings"
	"time"

	"stagedoor/internal/outcome"
)

// handleSize is how many hex digits of a session's key are its handle. The key is the hash of the cookie, so a handle does
// not work as a cookie.
const handleSize = 16

// Summary is what a user may know of their own sessions. It has no secret.
type Summary struct {
	// Handle names the session among the user's own; it begins with the session's label in the log.
	Handle string
	// User is the user that logged in, without the image. It is empty when a session key is not configured on this replica, but for the
	// ID in a list of one user.
	User       User
	CreatedAt  time.Time
	LastSeenAt time.Time
	// UserAgent is empty when the browser sent none, or a session key is not configured on this replica.
	UserAgent string
}

// Sessions returns all sessions of a user, the youngest first. It answers ErrStoreUnavailable when it does not know them
// all.
func (m *Manager) Sessions(ctx context.Context, user string) ([]Summary, error) {
	index, err := m.index.of(ctx, user)
	if err != nil {
		return nil, err
	}
	alive, err := m.index.prune(ctx, user, index.entries)
	if err != nil {
		return nil, err
	}
	return m.summarize(index, alive), nil
}

// summarize lists the sessions that are alive and have not reached their maximal lifetime.
func (m *Manager) summarize(index userSessions, alive map[string]bool) []Summary {
	now, lifetime := m.options.Now(), m.vault.limits().lifetime
	list := []Summary{}
	for _, e := range index.entries {
		if !alive[e.key] || now.Sub(e.createdAt.time()) > lifetime {
			continue
		}
		list = append(list, Summary{
			Handle: handleOf(e.key), User: index.user, CreatedAt: e.createdAt.time(), LastSeenAt: e.lastSeenAt.time(), UserAgent: e.userAgent,
		})
	}
	slices.SortStableFunc(list, func(a, b Summary) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return list
}

// EndSession ends one of a user's sessions, on all replicas. It answers ErrNoSession when the user has no such session.
func (m *Manager) EndSession(ctx context.Context, user, handle string) error {
	why := ending{reason: outcome.EndLogout, event: "revoke", user: user}
	ended, err := m.endOf(ctx, why, func(key string) bool { return handleOf(key) == handle })
	if err == nil && ended == 0 {
		return ErrNoSession
	}
	return err
}

// Handle names the session among its user's own.
func (s *Session) Handle() string { return handleOf(s.key) }

func handleOf(key string) string {
	_, digits, _ := strings.Cut(key, ":")
	return cut(digits, handleSize)
}
