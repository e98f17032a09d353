package session

import (
	"maps"
	"sync"
	"time"
)

const (
	// outageLifetime is how long a cached session may be served during an outage of the store.
	outageLifetime = 10 * time.Second
	// freshLifetime is how long a cached session may be served instead of a load, while the store reports changes.
	freshLifetime = 2 * time.Second
)

// cache keeps the sessions of the last seconds, so that most requests need no load, and for an outage of the store. It is a
// Watcher: the store reports to it what has changed. It is safe for concurrent use.
//
//	what happens                        | what becomes of the cached session
//	------------------------------------|------------------------------------------------------------------------
//	put, after a load or a save         | cached; but an older version replaces no newer one, and a deletion that was
//	                                    | heard of since the load began stays a deletion
//	replace, by an unsaved refresh      | the new one, as fresh as the old one was
//	Changed                             | not fresh: the next request loads it; served during an outage
//	Gone                                | deleted, and no load that began before brings it back
//	drop: a load did not find it        | not cached
//	dropAll: a session key was removed  | not cached, nor what was loaded before
//	Missed: there may have been changes | nothing is cached but deletions; fresh from here on
//	Lost: no news comes                 | nothing is fresh
//	freshLifetime after the load        | not fresh
//	outageLifetime after the load       | not served during an outage
//
// The cache has two generations. The older one is dropped as a whole, so nothing searches for what is too old, and the cache
// holds at most what was loaded in twice outageLifetime.
type cache struct {
	now   func() time.Time
	began time.Time // a little before any time that a caller passes, so that no such time is zero

	mu       sync.Mutex // guards what follows
	watched  bool       // the store reports every change now
	young    map[string]cached
	old      map[string]cached
	youngest time.Time // when young was begun
	opened   time.Time // what was loaded until then may have been opened with a key that was removed
}

type cached struct {
	session *Session      // nil: not cached
	loaded  time.Duration // when its load began, since began
	changed time.Duration // when the store last reported a change
	gone    bool          // the change was its deletion
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, began: now().Add(-time.Second), young: map[string]cached{}, old: map[string]cached{}}
}

// put caches a session by a load or a save that began at a time. It reports whether the session has not been deleted since.
func (c *cache) put(s *Session, asked time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotateLocked(asked)
	found := c.findLocked(s.key)
	if found.gone && asked.Sub(c.began) <= found.changed {
		return false
	}
	if !asked.After(c.opened) {
		return true
	}
	found.gone = false
	if found.session == nil || found.session.version <= s.version {
		found.session, found.loaded = s, asked.Sub(c.began)
		c.young[s.key] = found
	}
	return true
}

// replace caches a session that is not in the store yet, in place of one that is cached. It is served no longer for it.
func (c *cache) replace(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.findLocked(s.key); found.session != nil {
		found.session = s
		c.young[s.key] = found
	}
}

// drop drops a session that the store does not have any more.
func (c *cache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.findLocked(key).gone {
		delete(c.young, key)
		delete(c.old, key)
	}
}

// dropAll drops every session, also those that are being loaded: the keys that opened them have changed.
func (c *cache) dropAll(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropLocked()
	c.opened = now
}

// dropLocked drops every session, and keeps the deletions.
func (c *cache) dropLocked() {
	isSession := func(_ string, found cached) bool { return !found.gone }
	maps.DeleteFunc(c.young, isSession)
	maps.DeleteFunc(c.old, isSession)
}

// Gone implements Watcher. A session that was loaded before is not cached again.
func (c *cache) Gone(key string) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotateLocked(now)
	c.young[key] = cached{changed: now.Sub(c.began), gone: true}
}

// Changed implements Watcher. What was loaded before is not fresh.
func (c *cache) Changed(key string) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotateLocked(now)
	found := c.findLocked(key)
	found.changed = now.Sub(c.began)
	c.young[key] = found
}

// Missed implements Watcher. Some sessions may have been deleted meanwhile, so it drops all.
func (c *cache) Missed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropLocked()
	c.watched = true
}

// Lost implements Watcher. Without news nothing is fresh.
func (c *cache) Lost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched = false
}

// duringOutage returns a session that was loaded within outageLifetime and has not been deleted; nil when there is none.
func (c *cache) duringOutage(key string, now time.Time) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotateLocked(now)
	found := c.findLocked(key)
	if found.session == nil || now.Sub(c.began)-found.loaded > outageLifetime {
		return nil
	}
	return found.session
}

// last returns the session as it was last loaded, however old that is; nil when it is not cached.
func (c *cache) last(key string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.findLocked(key).session
}

// fresh returns a session that a load would return in just the same way; nil when there is none.
func (c *cache) fresh(key string, now time.Time) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.findLocked(key)
	if !c.watched || found.session == nil || now.Sub(c.began)-found.loaded >= freshLifetime || found.changed >= found.loaded {
		return nil
	}
	if found.session.ttl(now) <= 0 { // it has expired in the store, by this clock
		return nil
	}
	return found.session
}

// findLocked returns what is cached for a key; the zero value when nothing is.
func (c *cache) findLocked(key string) cached {
	if found, ok := c.young[key]; ok {
		return found
	}
	return c.old[key]
}

func (c *cache) rotateLocked(now time.Time) {
	if now.Sub(c.youngest) <= outageLifetime {
		return
	}
	c.old, c.young, c.youngest = c.young, map[string]cached{}, now
}
