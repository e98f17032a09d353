// Package memstore keeps sessions in the process, for one replica that may lose them at a restart, and for tests.
package memstore

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"stagedoor/session"
)

// sweepEvery is how many writes pass between two searches for expired entries.
const sweepEvery = 1024

// Store keeps entries in the process. It implements session.Store, session.Leases, session.Lists and session.Bulk, and is safe for
// concurrent use. Make one with New.
type Store struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	entries map[string]entry
	leases  map[string]lease
	lists   map[string]list
	writes  int
	watcher session.Watcher // nil for none
}

type entry struct {
	session.Entry
	expires time.Time
}

type lease struct {
	holder  string
	expires time.Time
}

// New returns an empty store. A nil clock is time.Now.
func New(now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{now: now, entries: map[string]entry{}, leases: map[string]lease{}, lists: map[string]list{}}
}

// Load implements session.Store.
func (s *Store) Load(_ context.Context, key string) (session.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entryLocked(key)
	if !ok {
		return session.Entry{}, session.ErrAbsent
	}
	return e, nil
}

// Save implements session.Store.
func (s *Store) Save(_ context.Context, key string, e session.Entry, ttl time.Duration, holder string) error {
	if err := s.save(key, e, ttl, holder); err != nil {
		return err
	}
	s.notify(func(w session.Watcher) { w.Changed(key) })
	return nil
}

func (s *Store) save(key string, e session.Entry, ttl time.Duration, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if holder != "" && !s.mayAcquireLocked(key, holder) {
		return session.ErrLeaseLost
	}
	old, _ := s.entryLocked(key)
	expected := e.Version - 1
	if e.Create {
		expected, e.Create = 0, false
	}
	repeated := old.Version == e.Version && bytes.Equal(old.Data, e.Data)
	if old.Version != expected && !repeated {
		return session.ErrConflict
	}
	s.sweepLocked()
	s.entries[key] = entry{Entry: e, expires: s.now().Add(ttl)}
	return nil
}

// Delete implements session.Store.
func (s *Store) Delete(_ context.Context, key string) (bool, error) {
	s.mu.Lock()
	_, ok := s.entryLocked(key)
	delete(s.entries, key)
	s.mu.Unlock()
	s.notify(func(w session.Watcher) { w.Gone(key) })
	return ok, nil
}

// Acquire implements session.Leases.
func (s *Store) Acquire(_ context.Context, key, holder string, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mayAcquireLocked(key, holder) {
		return false, nil
	}
	s.leases[key] = lease{holder: holder, expires: s.now().Add(ttl)}
	return true, nil
}

// Release implements session.Leases.
func (s *Store) Release(_ context.Context, key, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[key].holder == holder {
		delete(s.leases, key)
	}
	return nil
}

// CountSessions returns how many browsers' sessions there are.
func (s *Store) CountSessions(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for key := range s.entries {
		if _, alive := s.entryLocked(key); alive && strings.HasPrefix(key, session.SessionKeys) {
			count++
		}
	}
	return count, nil
}

// Replicas is 1: other replicas do not see this store.
func (s *Store) Replicas(context.Context) (int, error) { return 1, nil }

// Watch tells w of every entry that is written or deleted, until ctx ends. One watcher at a time hears of it. It tells
// nothing of entries that expire.
func (s *Store) Watch(ctx context.Context, w session.Watcher) {
	s.setWatcher(w)
	w.Missed()
	<-ctx.Done()
	s.setWatcher(nil)
}

func (s *Store) setWatcher(w session.Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watcher = w
}

// notify gives news to the watcher, if there is one.
func (s *Store) notify(news func(session.Watcher)) {
	s.mu.Lock()
	w := s.watcher
	s.mu.Unlock()
	if w != nil {
		news(w)
	}
}

func (s *Store) entryLocked(key string) (session.Entry, bool) {
	e, ok := s.entries[key]
	if !ok || !s.now().Before(e.expires) {
		return session.Entry{}, false
	}
	return e.Entry, true
}

func (s *Store) mayAcquireLocked(key, holder string) bool {
	lease, ok := s.leases[key]
	return !ok || lease.holder == holder || !s.now().Before(lease.expires)
}

// sweepLocked deletes expired entries, now and then: an entry that is never read again would stay forever.
func (s *Store) sweepLocked() {
	s.writes++
	if s.writes%sweepEvery != 0 {
		return
	}
	now := s.now()
	for key, e := range s.entries {
		if !now.Before(e.expires) {
			delete(s.entries, key)
		}
	}
	for key, lease := range s.leases {
		if !now.Before(lease.expires) {
			delete(s.leases, key)
		}
	}
	for key, l := range s.lists {
		if !now.Before(l.expires) {
			delete(s.lists, key)
		}
	}
}
