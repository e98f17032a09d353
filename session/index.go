package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"go.uber.org/zap"
)

// indexTime bounds how long a change of an index competes with those of other replicas.
const indexTime = 5 * time.Second

// emptyIndexLifetime is how long an empty index is kept: a deletion could meet the next login of the user.
const emptyIndexLifetime = time.Minute

// userIndex is the record of which sessions a user has. It is sealed under the configured key alone: it holds no token,
// and it must be found without any of the cookies.
type userIndex struct {
	ID       string         `json:"i"`
	Account  string         `json:"a,omitempty"`
	Name     string         `json:"n,omitempty"`
	Sessions []indexSession `json:"s"`
}

type indexSession struct {
	Key        string  `json:"k"`
	CreatedAt  instant `json:"c"`
	LastSeenAt instant `json:"l"`
	UserAgent  string  `json:"u,omitempty"`
}

func (i *userIndex) drop(key string) {
	i.Sessions = slices.DeleteFunc(i.Sessions, func(known indexSession) bool { return known.Key == key })
}

// addToIndex lists a session, or notes that it was used.
func (m *Manager) addToIndex(ctx context.Context, s *Session) error {
	entry := indexSession{
		Key: s.key, CreatedAt: s.record.createdAt, LastSeenAt: s.record.lastSeenAt, UserAgent: s.record.userAgent,
	}
	return m.changeIndex(ctx, s.record.user, func(index *userIndex) {
		if i := slices.IndexFunc(index.Sessions, func(known indexSession) bool { return known.Key == s.key }); i >= 0 {
			index.Sessions[i] = entry
			return
		}
		index.Sessions = append(index.Sessions, entry)
	})
}

// dropFromIndex takes out a session that has ended. A failure costs nothing: the index leaves out what has ended.
func (m *Manager) dropFromIndex(ctx context.Context, s *Session) {
	err := m.changeIndex(ctx, s.record.user, func(index *userIndex) {
		index.drop(s.key)
	})
	if err != nil {
		m.options.Log.Debug("an ended session is still in its user's index", zap.String("session", s.Label()), zap.Error(err))
	}
}

// changeIndex writes a change of a user's index by compare and swap, and prunes what has timed out. Changes of one user
// take turns in this process, so that only replicas compete.
func (m *Manager) changeIndex(ctx context.Context, user User, change func(*userIndex)) error {
	ctx, cancel := context.WithTimeout(ctx, indexTime)
	defer cancel()
	p := under(kindUser, user.ID)
	turn := &m.indexTurns[maphash.String(m.seed, p.key)%uint64(len(m.indexTurns))]
	turn.Lock()
	defer turn.Unlock()
	for {
		index, version, err := m.loadIndex(ctx, p)
		if err != nil {
			return err
		}
		index.ID = user.ID
		if user.AccountID != "" { // else the change knows the id alone
			index.Account, index.Name = user.AccountID, user.DisplayName
		}
		m.prune(&index)
		change(&index)
		err = m.saveIndex(ctx, p, index, version+1)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if pauseFor(ctx, leasePoll/10) != nil {
			return fmt.Errorf("%w: a user's index changes all the time", ErrStoreUnavailable)
		}
	}
}

func (m *Manager) prune(index *userIndex) {
	now, limits := m.options.Now(), m.limits()
	index.Sessions = slices.DeleteFunc(index.Sessions, func(s indexSession) bool {
		idle := now.Sub(s.LastSeenAt.time()) > limits.idle
		return idle || now.Sub(s.CreatedAt.time()) > limits.lifetime
	})
}

// loadIndex returns an empty index where there is none, or none that opens.
func (m *Manager) loadIndex(ctx context.Context, p place) (userIndex, uint64, error) {
	entry, err := m.options.Store.Load(ctx, p.key)
	if errors.Is(err, ErrAbsent) {
		return userIndex{}, 0, nil
	}
	if err != nil {
		return userIndex{}, 0, err
	}
	var index userIndex
	plain, err := m.open(p, entry.Data)
	if err == nil {
		err = json.Unmarshal(plain, &index)
	}
	if err != nil {
		m.options.Log.Warn("a user's index does not open: its key is not configured any more, or it was changed", zap.Error(err))
		return userIndex{}, entry.Version, nil
	}
	return index, entry.Version, nil
}

func (m *Manager) saveIndex(ctx context.Context, p place, index userIndex, version uint64) error {
	plain, err := json.Marshal(index)
	if err != nil {
		return fmt.Errorf("encode a user's index: %w", err)
	}
	sealed, err := m.seal(p, plain)
	if err != nil {
		return err
	}
	lifetime := m.limits().idle // each use of a session writes the index again
	if len(index.Sessions) == 0 {
		lifetime = emptyIndexLifetime
	}
	return m.options.Store.Save(ctx, p.key, Entry{Version: version, Data: sealed}, lifetime, "")
}
