package memstore

import (
	"context"
	"maps"
	"strings"
	"time"

	"stagedoor/session"
)

type list struct {
	fields  map[string][]byte
	expires time.Time
}

// Put implements session.Lists.
func (s *Store) Put(_ context.Context, key string, fields map[string][]byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweepLocked()
	l := s.listLocked(key)
	if l.fields == nil {
		l.fields = map[string][]byte{}
	}
	maps.Copy(l.fields, fields)
	if expires := s.now().Add(ttl); expires.After(l.expires) {
		l.expires = expires
	}
	s.lists[key] = l
	return nil
}

// Fields implements session.Lists.
func (s *Store) Fields(_ context.Context, keys []string) ([]map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lists := make([]map[string][]byte, len(keys))
	for i, key := range keys {
		lists[i] = maps.Clone(s.listLocked(key).fields)
	}
	return lists, nil
}

// Drop implements session.Lists.
func (s *Store) Drop(_ context.Context, key string, fields []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.listLocked(key)
	for _, field := range fields {
		delete(l.fields, field)
	}
	if len(l.fields) == 0 {
		delete(s.lists, key)
	}
	return nil
}

func (s *Store) listLocked(key string) list {
	if l, ok := s.lists[key]; ok && s.now().Before(l.expires) {
		return l
	}
	return list{}
}

// Scan implements session.Bulk.
func (s *Store) Scan(_ context.Context, begin string, visit func(keys []string) error) error {
	if keys := s.keys(begin); len(keys) > 0 {
		return visit(keys)
	}
	return nil
}

func (s *Store) keys(begin string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.entries {
		if _, alive := s.entryLocked(key); alive && strings.HasPrefix(key, begin) {
			keys = append(keys, key)
		}
	}
	for key := range s.lists {
		if strings.HasPrefix(key, begin) && s.listLocked(key).fields != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// LoadMany implements session.Bulk.
func (s *Store) LoadMany(_ context.Context, keys []string) ([]session.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make([]session.Entry, len(keys))
	for i, key := range keys {
		entries[i], _ = s.entryLocked(key)
	}
	return entries, nil
}

// DeleteMany implements session.Bulk.
func (s *Store) DeleteMany(ctx context.Context, keys []string) ([]bool, error) {
	deleted := make([]bool, len(keys))
	for i, key := range keys {
		var err error
		if deleted[i], err = s.Delete(ctx, key); err != nil {
			return nil, err
		}
	}
	return deleted, nil
}
