package session

import (
	"maps"
	"sync"
	"time"
)

// recentLifetime is how long a session that was just seen may be served while the store is away.
const recentLifetime = 10 * time.Second

// recent remembers the sessions of the last seconds, for the time of an outage. It is made of two generations, of which
// the older is dropped as a whole, so it needs no sweeping and holds at most what was seen in twice recentLifetime.
type recent struct {
	mu       sync.Mutex // guards what follows
	young    map[string]recentSession
	old      map[string]recentSession
	youngest time.Time // when young was begun
}

type recentSession struct {
	session *Session // nil: known to be gone
	seen    time.Time
}

func newRecent() *recent {
	return &recent{young: map[string]recentSession{}, old: map[string]recentSession{}}
}

// saw remembers a session that the store has just given. It does not bring back one that is gone: the store may have
// answered before the deletion.
func (r *recent) saw(s *Session, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turnLocked(now)
	if known, ok := r.findLocked(s.key); ok && known.session == nil {
		return
	}
	r.young[s.key] = recentSession{session: s, seen: now}
}

// update puts what is known about a remembered session in its place. It was not seen in the store, so it is served no
// longer for it.
func (r *recent) update(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.findLocked(s.key); ok && known.session != nil {
		r.young[s.key] = recentSession{session: s, seen: known.seen}
	}
}

// forget drops a session that the store does not have any more.
func (r *recent) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.findLocked(key); ok && known.session != nil {
		delete(r.young, key)
		delete(r.old, key)
	}
}

// gone forgets a session for good, even if a request that is under way has still seen it.
func (r *recent) gone(key string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turnLocked(now)
	r.young[key] = recentSession{seen: now}
}

// missed forgets every session: some of them may have been deleted without a word.
func (r *recent) missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	isKnown := func(_ string, known recentSession) bool { return known.session != nil }
	maps.DeleteFunc(r.young, isKnown)
	maps.DeleteFunc(r.old, isKnown)
}

// get returns a session that was seen within recentLifetime and is not known to be gone; nil when there is none.
func (r *recent) get(key string, now time.Time) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turnLocked(now)
	known, ok := r.findLocked(key)
	if !ok || now.Sub(known.seen) > recentLifetime {
		return nil
	}
	return known.session
}

func (r *recent) findLocked(key string) (recentSession, bool) {
	if known, ok := r.young[key]; ok {
		return known, true
	}
	known, ok := r.old[key]
	return known, ok
}

func (r *recent) turnLocked(now time.Time) {
	if now.Sub(r.youngest) <= recentLifetime {
		return
	}
	r.old, r.young, r.youngest = r.young, map[string]recentSession{}, now
}
