package gateway

import (
	"context"
	"errors"
	"time"

	"stagedoor/internal/metrics"
	"stagedoor/internal/outcome"
	"stagedoor/session"
	"stagedoor/session/redisstore"
)

// wholeStore is what both stores of package session are.
type wholeStore interface {
	session.Store
	session.Leases
	session.Lists
	session.Bulk
}

// measured is a store that times its operations, and counts those that it does not answer.
type measured struct {
	next                              wholeStore
	load, save, remove, hold, release operation
	list, bulk                        operation // all methods of session.Lists, and of session.Bulk
}

// operation observes one kind of operation; see metrics.Metrics.Store.
type operation func(took time.Duration, failure string)

func newMeasured(next wholeStore, m *metrics.Metrics) *measured {
	return &measured{
		next: next, load: m.Store(outcome.Load), save: m.Store(outcome.Save), remove: m.Store(outcome.Delete),
		hold: m.Store(outcome.Hold), release: m.Store(outcome.Release),
		list: m.Store(outcome.List), bulk: m.Store(outcome.Bulk),
	}
}

// ended counts an operation. It is not an error of the store that a client did not wait.
func (o operation) ended(ctx context.Context, begun time.Time, err error) {
	failure := ""
	if errors.Is(err, session.ErrStoreUnavailable) && !errors.Is(ctx.Err(), context.Canceled) {
		failure = redisstore.Reason(err)
	}
	o(time.Since(begun), failure)
}

// Load implements session.Store.
func (m *measured) Load(ctx context.Context, key string) (session.Entry, error) {
	begun := time.Now()
	entry, err := m.next.Load(ctx, key)
	m.load.ended(ctx, begun, err)
	return entry, err
}

// Save implements session.Store.
func (m *measured) Save(ctx context.Context, key string, e session.Entry, ttl time.Duration, holder string) error {
	begun := time.Now()
	err := m.next.Save(ctx, key, e, ttl, holder)
	m.save.ended(ctx, begun, err)
	return err
}

// Delete implements session.Store.
func (m *measured) Delete(ctx context.Context, key string) (bool, error) {
	begun := time.Now()
	found, err := m.next.Delete(ctx, key)
	m.remove.ended(ctx, begun, err)
	return found, err
}

// Acquire implements session.Leases.
func (m *measured) Acquire(ctx context.Context, key, holder string, ttl time.Duration) (bool, error) {
	begun := time.Now()
	held, err := m.next.Acquire(ctx, key, holder, ttl)
	m.hold.ended(ctx, begun, err)
	return held, err
}

// Release implements session.Leases.
func (m *measured) Release(ctx context.Context, key, holder string) error {
	begun := time.Now()
	err := m.next.Release(ctx, key, holder)
	m.release.ended(ctx, begun, err)
	return err
}

// Put implements session.Lists.
func (m *measured) Put(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) error {
	begun := time.Now()
	err := m.next.Put(ctx, key, fields, ttl)
	m.list.ended(ctx, begun, err)
	return err
}

// Fields implements session.Lists.
func (m *measured) Fields(ctx context.Context, keys []string) ([]map[string][]byte, error) {
	begun := time.Now()
	lists, err := m.next.Fields(ctx, keys)
	m.list.ended(ctx, begun, err)
	return lists, err
}

// Drop implements session.Lists.
func (m *measured) Drop(ctx context.Context, key string, fields []string) error {
	begun := time.Now()
	err := m.next.Drop(ctx, key, fields)
	m.list.ended(ctx, begun, err)
	return err
}

// Scan implements session.Bulk. It is an operator's command, which visits what it finds, and is not timed.
func (m *measured) Scan(ctx context.Context, begin string, visit func(keys []string) error) error {
	return m.next.Scan(ctx, begin, visit)
}

// LoadMany implements session.Bulk.
func (m *measured) LoadMany(ctx context.Context, keys []string) ([]session.Entry, error) {
	begun := time.Now()
	entries, err := m.next.LoadMany(ctx, keys)
	m.bulk.ended(ctx, begun, err)
	return entries, err
}

// DeleteMany implements session.Bulk.
func (m *measured) DeleteMany(ctx context.Context, keys []string) ([]bool, error) {
	begun := time.Now()
	deleted, err := m.next.DeleteMany(ctx, keys)
	m.bulk.ended(ctx, begun, err)
	return deleted, err
}
