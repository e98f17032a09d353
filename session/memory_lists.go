package session

import (
	"context"
	"maps"
	"strings"
	"time"
)

type memoryList struct {
	fields  map[string][]byte
	expires time.Time
}

// Put implements Lists.
func (m *Memory) Put(_ context.Context, key string, fields map[string][]byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweepLocked()
	l := m.listLocked(key)
	if l.fields == nil {
		l.fields = map[string][]byte{}
	}
	maps.Copy(l.fields, fields)
	if expires := m.now().Add(ttl); expires.After(l.expires) {
		l.expires = expires
	}
	m.lists[key] = l
	return nil
}

// Fields implements Lists.
func (m *Memory) Fields(_ context.Context, keys []string) ([]map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lists := make([]map[string][]byte, len(keys))
	for i, key := range keys {
		lists[i] = maps.Clone(m.listLocked(key).fields)
	}
	return lists, nil
}

// Drop implements Lists.
func (m *Memory) Drop(_ context.Context, key string, fields []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.listLocked(key)
	for _, field := range fields {
		delete(l.fields, field)
	}
	if len(l.fields) == 0 {
		delete(m.lists, key)
	}
	return nil
}

func (m *Memory) listLocked(key string) memoryList {
	if l, ok := m.lists[key]; ok && m.now().Before(l.expires) {
		return l
	}
	return memoryList{}
}

// Scan implements Bulk.
func (m *Memory) Scan(_ context.Context, begin string, visit func(keys []string) error) error {
	if keys := m.keys(begin); len(keys) > 0 {
		return visit(keys)
	}
	return nil
}

func (m *Memory) keys(begin string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for key := range m.entries {
		if _, alive := m.entryLocked(key); alive && strings.HasPrefix(key, begin) {
			keys = append(keys, key)
		}
	}
	for key := range m.lists {
		if strings.HasPrefix(key, begin) && m.listLocked(key).fields != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// LoadMany implements Bulk.
func (m *Memory) LoadMany(_ context.Context, keys []string) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := make([]Entry, len(keys))
	for i, key := range keys {
		entries[i], _ = m.entryLocked(key)
	}
	return entries, nil
}

// DeleteMany implements Bulk.
func (m *Memory) DeleteMany(ctx context.Context, keys []string) ([]bool, error) {
	deleted := make([]bool, len(keys))
	for i, key := range keys {
		var err error
		if deleted[i], err = m.Delete(ctx, key); err != nil {
			return nil, err
		}
	}
	return deleted, nil
}
