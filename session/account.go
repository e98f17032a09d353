package session

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

// connectTime bounds how long the connection of an account competes with refreshes.
const connectTime = 5 * time.Second

// App returns the session of the app itself: its token speaks for no user, and all replicas share it. It answers
// ErrStoreUnavailable.
func (m *Manager) App(ctx context.Context) (*Session, error) {
	return m.find(ctx, keyForName(kindApp, m.options.Client))
}

// Account returns the session of a shared account, which serves requests that bring no session of their own. It answers
// ErrNoSession when the account is not connected, ErrReauthorize or ErrStoreUnavailable.
func (m *Manager) Account(ctx context.Context, name string) (*Session, error) {
	s, err := m.find(ctx, m.accountKey(kindAccount, name))
	if errors.Is(err, ErrNoSession) {
		return m.find(ctx, keyForName(kindAccount, name))
	}
	return s, err
}

// accountKey is the record key of a record with a name and no cookie, for this client id alone: gateways with different client ids
// may share a store, and each has its own record. Until 2026-11 the key was made of the name alone. Such a record keeps its
// key and belongs to the client id that opened it first.
func (m *Manager) accountKey(kind, name string) recordKey {
	return keyForName(kind, m.options.Client+"\x00"+name)
}

// ConnectAccount makes a login the grant of a shared account, in place of the one that it had.
func (m *Manager) ConnectAccount(ctx context.Context, name string, login Login) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	s := &Session{recordKey: m.accountKey(kindAccount, name), limits: m.vault.limits()}
	for {
		entry, err := m.options.Store.Load(ctx, s.key)
		if err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
		s.version = entry.Version // of a record that may not even open any more
		saved, err := m.vault.save(ctx, s, m.newRecord(login), "")
		if errors.Is(err, ErrConflict) && sleep(ctx, leasePoll) == nil {
			continue // a refresh came in between
		}
		if err != nil {
			return err
		}
		m.audit.key("login", "ok", saved.record.user.ID, saved.key, zap.String("account", name))
		_, err = m.remove(ctx, keyForName(kindAccount, name).key) // of an older program
		return err
	}
}

// RemoveAccount forgets the grant of a shared account and reports whether there was one.
func (o *Operator) RemoveAccount(ctx context.Context, name string) (bool, error) {
	connected := false
	for _, k := range []recordKey{o.m.accountKey(kindAccount, name), keyForName(kindAccount, name)} {
		removed, err := o.m.remove(ctx, k.key)
		if err != nil {
			return connected, err
		}
		if removed {
			connected = true
			o.m.audit.key("revoke", "ok", "", k.key, zap.String("account", name))
		}
	}
	return connected, nil
}
