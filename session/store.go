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

// SessionKeys begin the keys of browsers' sessions, which stores count.
const SessionKeys = kindSession + ":"

// Entry is a sealed record with its version.
type Entry struct {
	// Version counts the writes of the entry; the first is 1, unless Create says otherwise.
	Version uint64
	// Create makes Save write the entry only if there is none, with any version above zero. Load leaves it false. An entry
	// that is made anew under the key of a deleted one begins with a random version, so that a late write on top of the
	// deleted entry does not find the version that it expects.
	Create bool
	// Data is the sealed record; the store does not read it.
	Data []byte
}

// Store keeps entries under keys. Every method answers ErrStoreUnavailable when nothing is known about the entry. The
// methods may be called concurrently, from several replicas.
type Store interface {
	// Load returns the entry, or ErrAbsent.
	Load(ctx context.Context, key string) (Entry, error)

	// Save writes the entry, to be forgotten after ttl, which is above zero. It is one atomic step and succeeds only on
	// top of version e.Version-1: 0 is the version of an absent entry, and with e.Create the only one. Otherwise it answers
	// ErrConflict. Repeating a save
	// that succeeded succeeds. With a holder it answers ErrLeaseLost while another holder has the lease of the key.
	Save(ctx context.Context, key string, e Entry, ttl time.Duration, holder string) error

	// Delete forgets the entry and reports whether there was one: of several callers just one gets true. Every replica
	// that watches hears of it.
	Delete(ctx context.Context, key string) (bool, error)
}

// Leases lets one replica at a time work on a key.
type Leases interface {
	// Acquire acquires the lease of the key for ttl, or extends it when the holder has it already. It reports whether the holder
	// has it now.
	Acquire(ctx context.Context, key, holder string, ttl time.Duration) (bool, error)

	// Release ends the lease if it is still the holder's.
	Release(ctx context.Context, key, holder string) error
}

// Lists keeps maps of small fields under keys. A field is changed without reading its map, so that concurrent changes are not
// lost, and fields that the writer cannot read stay. Every method answers ErrStoreUnavailable when it did
// not do all of its work. The methods may be called concurrently, from several replicas.
type Lists interface {
	// Put writes fields, leaves the others as they are, and keeps the map for ttl at least.
	Put(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) error

	// Fields returns the maps of the keys, in their order. An absent map is empty. Callers may modify the maps.
	Fields(ctx context.Context, keys []string) ([]map[string][]byte, error)

	// Drop removes fields. A field or a map that does not exist is not an error.
	Drop(ctx context.Context, key string, fields []string) error
}

// Bulk works on many entries of a Store with few waits. Every method answers ErrStoreUnavailable when it did not do all of
// its work.
type Bulk interface {
	// Scan calls visit with the keys of entries and maps that begin with a text, some at a time and never two calls at
	// once. It visits every key that exists during the whole scan, and some perhaps twice. It answers what visit
	// answers.
	Scan(ctx context.Context, begin string, visit func(keys []string) error) error

	// LoadMany returns the entries of the keys, in their order. An absent entry has version 0.
	LoadMany(ctx context.Context, keys []string) ([]Entry, error)

	// DeleteMany is Store.Delete for every key, and reports in their order whether there was an entry.
	DeleteMany(ctx context.Context, keys []string) ([]bool, error)
}

// Listener is a Watcher that also receives the news that replicas send each other.
type Listener interface {
	// Heard receives news of a replica; it returns at once.
	Heard(text string)
}

// Watcher receives the changes of a store's entries. Its methods return at once.
type Watcher interface {
	// Gone reports that the entry of a key was deleted, for good.
	Gone(key string)
	// Changed reports that the entry of a key was written, has expired or was deleted. Not every store tells.
	Changed(key string)
	// Missed reports that news may have been missed so far, and that none will be from here on.
	Missed()
	// Lost reports that no news comes until the next Missed.
	Lost()
}
