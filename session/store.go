package session

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrAbsent says that there is no entry under a key: there never was, it has expired, or it was deleted.
	ErrAbsent = errors.New("no such entry")
	// ErrConflict says that the entry is not at the version that the caller has read; nothing was written.
	ErrConflict = errors.New("the entry has changed")
	// ErrLeaseLost says that another holder has the entry's lease now; nothing was written.
	ErrLeaseLost = errors.New("the lease is another's")
)

// Entry is a sealed record with its version.
type Entry struct {
	// Version counts the writes of the entry; the first is 1.
	Version uint64
	// Data is the sealed record; the store does not look into it.
	Data []byte
}

// Store keeps entries under keys. Every method answers ErrStoreUnavailable when nothing is known about the entry. The
// methods may be called concurrently, from several replicas.
type Store interface {
	// Load returns the entry, or ErrAbsent.
	Load(ctx context.Context, key string) (Entry, error)

	// Save writes the entry, to be forgotten after ttl, which is above zero. It is one atomic step and succeeds only on
	// top of version e.Version-1: 0 is the version of an absent entry. Otherwise it answers ErrConflict. Repeating a save
	// that succeeded succeeds. With a holder it answers ErrLeaseLost while another holder has the lease of the key.
	Save(ctx context.Context, key string, e Entry, ttl time.Duration, holder string) error

	// Delete forgets the entry and tells whether there was one: of several callers just one is told true. Every replica
	// that watches hears of it.
	Delete(ctx context.Context, key string) (bool, error)
}

// Leases lets one replica at a time work on a key.
type Leases interface {
	// Hold takes the lease of the key for ttl, or extends it when the holder has it already. It tells whether the holder
	// has it now.
	Hold(ctx context.Context, key, holder string, ttl time.Duration) (bool, error)

	// Release gives the lease back if it is still the holder's.
	Release(ctx context.Context, key, holder string) error
}

// Watcher is told what becomes of the entries of a store. Its methods return at once.
type Watcher interface {
	// Gone tells that the entry of a key was deleted, for good.
	Gone(key string)
	// Changed tells that the entry of a key was written, has expired or was deleted. Not every store tells.
	Changed(key string)
	// Missed tells that news may have been missed so far, and that none will be from here on.
	Missed()
	// Lost tells that no news comes until the next Missed.
	Lost()
}
