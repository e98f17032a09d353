package session

import (
	"context"
	"errors"
)

// EachSession calls visit with the sessions of one user after the other, until all users have been visited; a user may be
// visited twice when the store is reorganized meanwhile. Memory does not grow with the number of users. It answers what
// visit answers, or ErrStoreUnavailable when not all sessions are known; all that are have been visited then.
func (m *Manager) EachSession(ctx context.Context, visit func([]Summary) error) error {
	err := m.options.Bulk.Scan(ctx, kindIndex+":", func(keys []string) error {
		lists, err := m.options.Lists.Fields(ctx, keys)
		if err != nil {
			return err
		}
		indexes := make([]userSessions, len(keys))
		for i, key := range keys {
			indexes[i].entries, indexes[i].user = m.index.read(keyFor(kindIndex, key), lists[i])
			if indexes[i].user.ID != "" && m.index.keyOf(indexes[i].user.ID).key != key {
				indexes[i] = userSessions{} // of another client id
			}
		}
		return m.visitLiving(ctx, indexes, visit)
	})
	if err != nil {
		return err
	}
	var unknown error
	err = m.options.Bulk.Scan(ctx, kindUser+":", func(keys []string) error {
		var indexes []userSessions
		for _, key := range keys {
			index, err := m.onlyEarlier(ctx, key)
			if errors.Is(err, errEarlierIndex) {
				unknown = err
				continue
			}
			if err != nil {
				return err
			}
			indexes = append(indexes, index)
		}
		return m.visitLiving(ctx, indexes, visit)
	})
	return errors.Join(err, unknown)
}

// userSessions are the sessions of one user, alive or not.
type userSessions struct {
	user    User
	entries []indexEntry
}

// visitLiving visits the sessions of some users that are alive.
func (m *Manager) visitLiving(ctx context.Context, users []userSessions, visit func([]Summary) error) error {
	var keys []string
	for _, u := range users {
		keys = append(keys, keysOf(u.entries)...)
	}
	alive, err := m.index.alive(ctx, keys)
	if err != nil {
		return err
	}
	for _, u := range users {
		if list := m.summarize(u.entries, u.user, alive); len(list) > 0 {
			if err := visit(list); err != nil {
				return err
			}
		}
	}
	return nil
}

// onlyEarlier returns the sessions that only a user's earlier index has.
func (m *Manager) onlyEarlier(ctx context.Context, key string) (userSessions, error) {
	earlier, err := m.index.earlier(ctx, keyFor(kindUser, key))
	if err != nil {
		return userSessions{}, err
	}
	k := m.index.keyOf(earlier.ID)
	lists, err := m.options.Lists.Fields(ctx, []string{k.key})
	if err != nil {
		return userSessions{}, err
	}
	known, _ := m.index.read(k, lists[0])
	return userSessions{user: earlier.user(), entries: earlier.addTo(known)[len(known):]}, nil
}

// EndHandle ends the session with a handle, of any user, and tells how many there were: one, or none.
func (m *Manager) EndHandle(ctx context.Context, handle string) (int, error) {
	if len(handle) != handleSize {
		return 0, nil
	}
	return m.endScanned(ctx, kindSession+":"+handle)
}

// EndAll ends all sessions of all users, on all replicas, and tells how many it has ended, also with an error. It finds
// them by their records, whatever any index says. Shared accounts stay connected.
func (m *Manager) EndAll(ctx context.Context) (int, error) { return m.endScanned(ctx, kindSession+":") }

func (m *Manager) endScanned(ctx context.Context, begin string) (count int, err error) {
	err = m.options.Bulk.Scan(ctx, begin, func(keys []string) error {
		ended, err := m.index.endMany(ctx, keys)
		for _, key := range ended {
			m.audit.key("revoke", "ok", "", key) // only the cookie opens the record, so the user is unknown
		}
		count += len(ended)
		return err
	})
	return count, err
}
