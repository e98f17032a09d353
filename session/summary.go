package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// handleSize is how many hex digits of a session's key are its handle. The key is the hash of the cookie, so a handle is
// worth nothing as one.
const handleSize = 16

// Summary is what a user may know of their own sessions. It has no secret.
type Summary struct {
	// Handle names the session among the user's own; it begins with the session's label in the log.
	Handle     string
	User       User
	CreatedAt  time.Time
	LastSeenAt time.Time
	UserAgent  string

	key string
}

// Sessions returns the sessions of a user, the youngest first.
func (m *Manager) Sessions(ctx context.Context, user string) ([]Summary, error) {
	index, _, err := m.loadIndex(ctx, under(kindUser, user))
	if err != nil {
		return nil, err
	}
	return m.living(ctx, index)
}

// AllSessions returns the sessions of all users.
func (m *Manager) AllSessions(ctx context.Context) ([]Summary, error) {
	if m.options.Users == nil {
		return nil, errors.New("this store cannot list its users")
	}
	var all []Summary
	err := m.options.Users(ctx, func(key string) error {
		index, _, err := m.loadIndex(ctx, underKey(kindUser, key))
		if err != nil {
			return err
		}
		living, err := m.living(ctx, index)
		all = append(all, living...)
		return err
	})
	return all, err
}

// EndSession ends one of a user's sessions, on all replicas. It answers ErrNoSession when the user has no such session.
func (m *Manager) EndSession(ctx context.Context, user, handle string) error {
	sessions, err := m.Sessions(ctx, user)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sessions, func(s Summary) bool { return s.Handle == handle })
	if i < 0 {
		return ErrNoSession
	}
	return m.endAll(ctx, user, sessions[i:i+1])
}

// EndEverywhere ends all sessions of the user of the request, and takes the cookie away. Of two cookies that name two users
// one may be planted; who has a cookie may end what it stands for, so both users are logged out, rather than the true one
// told so falsely. A request without a session is fine. When the store does not answer the cookie stays, and some of the
// sessions may.
func (m *Manager) EndEverywhere(w http.ResponseWriter, r *http.Request) error {
	for _, id := range m.settings.Load().cookie.readAll(r) {
		s, err := m.load(r.Context(), behind(kindSession, id)) // one whose grant has ended has a user, too
		if errors.Is(err, ErrNoSession) {
			continue
		}
		if err != nil {
			return err
		}
		if err := m.endOthers(r.Context(), s); err != nil {
			return err
		}
	}
	return m.End(w, r)
}

// endOthers ends all sessions of the session's user but this one.
func (m *Manager) endOthers(ctx context.Context, s *Session) error {
	user := s.record.user.ID
	sessions, err := m.Sessions(ctx, user)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(sessions, func(known Summary) bool { return known.key == s.key })
	return m.endAll(ctx, user, others)
}

// endAll deletes sessions before it takes them from the index: what is left behind by a failure is still listed.
func (m *Manager) endAll(ctx context.Context, user string, sessions []Summary) error {
	for _, s := range sessions {
		if err := m.delete(ctx, s.key); err != nil {
			return err
		}
		m.auditKey("revoke", "ok", user, s.key)
	}
	return m.changeIndex(ctx, User{ID: user}, func(index *userIndex) {
		for _, s := range sessions {
			index.drop(s.key)
		}
	})
}

// living leaves out what has ended since the index was written.
func (m *Manager) living(ctx context.Context, index userIndex) ([]Summary, error) {
	living := []Summary{}
	for _, known := range index.Sessions {
		_, err := m.options.Store.Load(ctx, known.Key)
		if errors.Is(err, ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		living = append(living, Summary{
			Handle: handleOf(known.Key), User: User{ID: index.ID, AccountID: index.Account, DisplayName: index.Name},
			CreatedAt: known.CreatedAt.time(), LastSeenAt: known.LastSeenAt.time(), UserAgent: known.UserAgent,
			key: known.Key,
		})
	}
	slices.SortFunc(living, func(a, b Summary) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return living, nil
}

// Handle names the session among its user's own.
func (s *Session) Handle() string { return handleOf(s.key) }

func handleOf(key string) string {
	_, digits, _ := strings.Cut(key, ":")
	return digits[:handleSize]
}
