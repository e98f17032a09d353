package session

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// sweepEvery is how many writes pass between two searches for expired entries.
const sweepEvery = 1024

// Memory keeps entries in the process: for one replica that may lose them at a restart. It implements Store, Leases,
// Lists and Bulk.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	entries map[string]memoryEntry
	leases  map[string]memoryLease
	lists   map[string]memoryList
	writes  int
}

type memoryEntry struct {
	Entry
	expires time.Time
}

type memoryLease struct {
	holder  string
	expires time.Time
}

// NewMemory returns an empty store. A nil clock is time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, entries: map[string]memoryEntry{}, leases: map[string]memoryLease{}, lists: map[string]memoryList{}}
}

// Load implements Store.
func (m *Memory) Load(_ context.Context, key string) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entryLocked(key)
	if !ok {
		return Entry{}, ErrAbsent
	}
	return e, nil
}

// Save implements Store.
func (m *Memory) Save(_ context.Context, key string, e Entry, ttl time.Duration, holder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if holder != "" && !m.mayHoldLocked(key, holder) {
		return ErrLeaseLost
	}
	old, _ := m.entryLocked(key)
	repeated := old.Version == e.Version && bytes.Equal(old.Data, e.Data)
	if old.Version != e.Version-1 && !repeated {
		return ErrConflict
	}
	m.sweepLocked()
	m.entries[key] = memoryEntry{Entry: e, expires: m.now().Add(ttl)}
	return nil
}

// Delete implements Store.
func (m *Memory) Delete(_ context.Context, key string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.entryLocked(key)
	delete(m.entries, key)
	return ok, nil
}

// Hold implements Leases.
func (m *Memory) Hold(_ context.Context, key, holder string, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.mayHoldLocked(key, holder) {
		return false, nil
	}
	m.leases[key] = memoryLease{holder: holder, expires: m.now().Add(ttl)}
	return true, nil
}

// Release implements Leases.
func (m *Memory) Release(_ context.Context, key, holder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[key].holder == holder {
		delete(m.leases, key)
	}
	return nil
}

// CountSessions is Redis' CountSessions, and exact.
func (m *Memory) CountSessions(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	count := 0
	for key := range m.entries {
		if _, alive := m.entryLocked(key); alive && isSession(key) {
			count++
		}
	}
	return count, nil
}

// Replicas is Redis' Replicas: a store in a process has one.
func (m *Memory) Replicas(context.Context) (int, error) { return 1, nil }

// Watch is Redis' Watch: nobody else changes what is here, so there is never any news.
func (m *Memory) Watch(ctx context.Context, w Watcher) {
	w.Missed()
	<-ctx.Done()
}

func (m *Memory) entryLocked(key string) (Entry, bool) {
	e, ok := m.entries[key]
	if !ok || !m.now().Before(e.expires) {
		return Entry{}, false
	}
	return e.Entry, true
}

func (m *Memory) mayHoldLocked(key, holder string) bool {
	lease, ok := m.leases[key]
	return !ok || lease.holder == holder || !m.now().Before(lease.expires)
}

// sweepLocked forgets what has expired, now and then: nobody asks for it again, so it would stay forever.
func (m *Memory) sweepLocked() {
	m.writes++
	if m.writes%sweepEvery != 0 {
		return
	}
	now := m.now()
	for key, e := range m.entries {
		if !now.Before(e.expires) {
			delete(m.entries, key)
		}
	}
	for key, lease := range m.leases {
		if !now.Before(lease.expires) {
			delete(m.leases, key)
		}
	}
	for key, l := range m.lists {
		if !now.Before(l.expires) {
			delete(m.lists, key)
		}
	}
}
