package session

import (
	"maps"
	"sync"
	"time"
)

const (
	// recentLifetime is how long a session that was just seen may be served while the store is away.
	recentLifetime = 10 * time.Second
	// freshLifetime is how long it may be served in place of a look into the store, while the store tells of changes.
	freshLifetime = 2 * time.Second
)

// recent remembers the sessions of the last seconds, so that not every request asks the store, and for the time of an
// outage. It is made of two generations, of which the older is dropped as a whole, so it needs no sweeping and holds at
// most what was seen in twice recentLifetime. It is a Watcher: what the store tells of is no longer fresh.
type recent struct {
	now   func() time.Time
	began time.Time // a little before any time that is told, so that no such time is zero

	mu       sync.Mutex // guards what follows
	told     bool       // the store tells of every change now
	young    map[string]recentSession
	old      map[string]recentSession
	youngest time.Time // when young was begun
	opened   time.Time // what was asked for until then may have been opened with a key that is not there any more
}

type recentSession struct {
	session *Session      // nil: none is known
	seen    time.Duration // when it was asked for in the store, since recent began
	changed time.Duration // when the store last told of a change
	gone    bool          // the change was its deletion
}

func newRecent(now func() time.Time) *recent {
	return &recent{now: now, began: now().Add(-time.Second), young: map[string]recentSession{}, old: map[string]recentSession{}}
}

// saw remembers a session as the store has given it to somebody who asked at a time. It does not bring back one that has
// gone since then, nor an older version. It tells whether the session is not gone.
func (r *recent) saw(s *Session, asked time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turnLocked(asked)
	known := r.findLocked(s.key)
	if known.gone && asked.Sub(r.began) <= known.changed {
		return false
	}
	if !asked.After(r.opened) {
		return true
	}
	known.gone = false
	if known.session == nil || known.session.version <= s.version {
		known.session, known.seen = s, asked.Sub(r.began)
		r.young[s.key] = known
	}
	return true
}

// update puts what is known about a remembered session in its place. It was not seen in the store, so it is served no
// longer for it.
func (r *recent) update(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.findLocked(s.key); known.session != nil {
		known.session = s
		r.young[s.key] = known
	}
}

// forget drops a session that the store does not have any more.
func (r *recent) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.findLocked(key).gone {
		delete(r.young, key)
		delete(r.old, key)
	}
}

// forgetAll drops every session, also those that are on their way from the store: the keys that opened them have changed.
func (r *recent) forgetAll(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked()
	r.opened = now
}

// dropLocked drops what is known, but not what is known to be gone.
func (r *recent) dropLocked() {
	isKnown := func(_ string, known recentSession) bool { return !known.gone }
	maps.DeleteFunc(r.young, isKnown)
	maps.DeleteFunc(r.old, isKnown)
}

// Gone implements Watcher: it forgets a session, even if a request that is under way has still seen it.
func (r *recent) Gone(key string) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turnLocked(now)
	r.young[key] = recentSession{changed: now.Sub(r.began), gone: true}
}

// Changed implements Watcher: what was asked for before is not fresh.
func (r *recent) Changed(key string) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turnLocked(now)
	known := r.findLocked(key)
	known.changed = now.Sub(r.began)
	r.young[key] = known
}

// Missed implements Watcher: it forgets every session, because some of them may have been deleted without a word, and
// trusts the news from here on.
func (r *recent) Missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked()
	r.told = true
}

// Lost implements Watcher: without news nothing is fresh.
func (r *recent) Lost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = false
}

// get returns a session that was seen within recentLifetime and is not known to be gone; nil when there is none.
func (r *recent) get(key string, now time.Time) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turnLocked(now)
	known := r.findLocked(key)
	if known.session == nil || now.Sub(r.began)-known.seen > recentLifetime {
		return nil
	}
	return known.session
}

// last returns the session as it was last seen, whatever became of it; nil when nothing is known.
func (r *recent) last(key string) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.findLocked(key).session
}

// fresh returns a session that the store would give in just the same way, as far as anybody knows; nil when there is
// none.
func (r *recent) fresh(key string, now time.Time) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.findLocked(key)
	if !r.told || known.session == nil || now.Sub(r.began)-known.seen >= freshLifetime || known.changed >= known.seen {
		return nil
	}
	if known.session.ttl(now) <= 0 { // the store has forgotten it, by this clock
		return nil
	}
	return known.session
}

// findLocked returns what is known about a key; the zero value when nothing is.
func (r *recent) findLocked(key string) recentSession {
	if known, ok := r.young[key]; ok {
		return known
	}
	return r.old[key]
}

func (r *recent) turnLocked(now time.Time) {
	if now.Sub(r.youngest) <= recentLifetime {
		return
	}
	r.old, r.young, r.youngest = r.young, map[string]recentSession{}, now
}
