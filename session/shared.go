package session

import (
	"context"
	"errors"

	"go.uber.org/zap"
)

// App returns the session of the app itself: its token speaks for no user, and all replicas share it. It answers
// ErrStoreUnavailable.
func (m *Manager) App(ctx context.Context) (*Session, error) {
	return m.look(ctx, under(kindApp, m.options.Client))
}

// Account returns the session of a shared account, which serves requests that bring no session of their own. It answers
// ErrNoSession when nobody has connected the account, ErrReauthorize or ErrStoreUnavailable.
func (m *Manager) Account(ctx context.Context, name string) (*Session, error) {
	return m.look(ctx, under(kindAccount, name))
}

// ConnectAccount makes a login the grant of a shared account, in place of the one that it had.
func (m *Manager) ConnectAccount(ctx context.Context, name string, login Login) error {
	ctx, cancel := context.WithTimeout(ctx, indexTime)
	defer cancel()
	s := &Session{place: under(kindAccount, name), limits: m.limits()}
	for {
		entry, err := m.options.Store.Load(ctx, s.key)
		if err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
		s.version = entry.Version // of a record that may not even open any more
		saved, err := m.save(ctx, s, m.newRecord(login), "")
		if errors.Is(err, ErrConflict) && pauseFor(ctx, leasePoll) == nil {
			continue // a refresh came in between
		}
		if err != nil {
			return err
		}
		m.auditKey("login", "ok", saved.record.user.ID, saved.key, zap.String("account", name))
		return nil
	}
}

// RemoveAccount forgets the grant of a shared account and tells whether there was one.
func (m *Manager) RemoveAccount(ctx context.Context, name string) (bool, error) {
	key := under(kindAccount, name).key
	removed, err := m.options.Store.Delete(ctx, key)
	if removed {
		m.recent.forget(key)
		m.auditKey("revoke", "ok", "", key, zap.String("account", name))
	}
	return removed, err
}
