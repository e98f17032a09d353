package session

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"go.uber.org/zap"

	"stagedoor/secret"
)

// load reads and opens the record of a place. A record that does not open is as good as none: its key has been retired,
// or somebody wrote into the store; and so is one of another client id. What is not there is not remembered any longer.
func (m *Manager) load(ctx context.Context, p place) (*Session, error) {
	return m.loadUnless(ctx, p, nil)
}

// loadUnless is load, except that it returns the known session, if there is one, when the store still has just that.
func (m *Manager) loadUnless(ctx context.Context, p place, known *Session) (*Session, error) {
	s := &Session{place: p, limits: m.limits(), asked: m.options.Now()}
	entry, err := m.options.Store.Load(ctx, p.key)
	if err != nil && !errors.Is(err, ErrAbsent) {
		if errors.Is(err, ErrStoreUnavailable) {
			m.away.note()
		}
		return nil, err
	}
	if err == nil {
		s.version, s.sealed = entry.Version, maphash.Bytes(m.seed, entry.Data)
		if known != nil && known.version == s.version && known.sealed == s.sealed && known.limits == s.limits {
			return known, nil
		}
		if s.record, err = m.openRecord(p, entry); err == nil {
			s.secret = secret.New(strings.Clone(p.secret.Reveal())) // a part of the Cookie header would keep all of it in memory
			return s, nil
		}
		if !errors.Is(err, errOtherClient) { // which has been said
			m.options.Log.Warn("a session's record does not open: its key is not configured any more, or it was changed",
				zap.String("session", label(p.key)), zap.Error(err))
		}
	}
	if p.kind == kindApp { // an app without a token is one whose token is due
		return s, nil
	}
	m.recent.forget(p.key)
	return nil, ErrNoSession
}

func (m *Manager) openRecord(p place, entry Entry) (record, error) {
	plain, err := m.open(p, entry.Data)
	if err != nil {
		return record{}, err
	}
	r, err := decodeRecord(entry.Data[0], plain, m.options.Client)
	if errors.Is(err, errOtherClient) { // the tags are short: two client ids may have the same
		m.meetOtherClient(p.key)
	}
	return r, err
}

// seal makes of a text what the store may keep at a place, and open is its inverse. A text longer than maxRecord is
// errTooLarge. A sealed text of another client id is errOtherClient, which is an errSealed: whoever meets it must not
// change or delete what it has met.
func (m *Manager) seal(p place, plain []byte) ([]byte, error) {
	compacted, err := dictionaries[formatWritten].compact(plain)
	if err != nil {
		return nil, err
	}
	return m.settings.Load().sealer.seal(p.secret, p.key, compacted)
}

func (m *Manager) open(p place, sealed []byte) ([]byte, error) {
	compacted, err := m.settings.Load().sealer.open(p.secret, p.key, sealed)
	if errors.Is(err, errOtherClient) {
		m.meetOtherClient(p.key)
	}
	if err != nil {
		return nil, err
	}
	return dictionaries[sealed[0]].expand(compacted)
}

// meetOtherClient says, once in the life of the process, that the store has records of another client id.
func (m *Manager) meetOtherClient(key string) {
	m.otherClient.Do(func() {
		m.options.Log.Warn("the store has records of another spotify.client_id, which are left as they are: if the client id was "+
			"changed by mistake, change it back, and everybody is logged in again", zap.String("session", label(key)))
	})
}

// save writes next on top of s and returns the session as it is then.
func (m *Manager) save(ctx context.Context, s *Session, next record, holder string) (*Session, error) {
	saved := &Session{place: s.place, version: s.version + 1, record: next, limits: s.limits}
	plain, err := next.encode(m.options.Client)
	if err != nil {
		return nil, fmt.Errorf("encode a session record: %w", err)
	}
	sealed, err := m.seal(s.place, plain)
	if err != nil {
		return nil, err
	}
	now := m.options.Now()
	saved.asked = now
	ttl := saved.ttl(now)
	if ttl <= 0 || !now.Before(saved.deadline()) {
		return nil, ErrNoSession
	}
	if err := m.options.Store.Save(ctx, s.key, Entry{Version: saved.version, Data: sealed}, ttl, holder); err != nil {
		return nil, err
	}
	return saved, nil
}

func (m *Manager) limits() limits {
	config := m.settings.Load().Config
	return limits{idle: config.IdleTimeout, lifetime: config.MaxLifetime}
}
