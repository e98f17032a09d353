package session

import (
	"fmt"
	"testing"
	"time"
)

// atSecond is a point in time for tests that need no more.
func atSecond(s float64) time.Time {
	return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
}

// timedCache is a cache with a clock that a test sets.
type timedCache struct {
	*cache
	at time.Time
}

func newTimedRecent() *timedCache {
	r := &timedCache{at: atSecond(0)}
	r.cache = newCache(func() time.Time { return r.at })
	return r
}

// gone is Gone at a time, and changed is Changed.
func (r *timedCache) gone(key string, at time.Time) {
	r.at = at
	r.Gone(key)
}

func (r *timedCache) changed(key string, at time.Time) {
	r.at = at
	r.Changed(key)
}

func TestRecentServesForTenSeconds(t *testing.T) {
	r, s := newTimedRecent(), &Session{recordKey: recordKey{key: "key"}}
	r.put(s, atSecond(100))
	for _, c := range []struct {
		second float64
		want   bool
	}{{100, true}, {105, true}, {110, true}, {110.001, false}, {200, false}} {
		if got := r.duringOutage("key", atSecond(c.second)) != nil; got != c.want {
			t.Errorf("%gs after it was seen: found is %v", c.second-100, got)
		}
	}
}

// Whatever the generations do, what was seen within ten seconds is found and what was not is not.
func TestRecentAcrossGenerations(t *testing.T) {
	for offset := 0.0; offset < 25; offset += 0.5 {
		r := newTimedRecent()
		r.put(&Session{recordKey: recordKey{key: "other"}}, atSecond(100))
		r.put(&Session{recordKey: recordKey{key: "key"}}, atSecond(100+offset))
		if r.duringOutage("key", atSecond(110+offset)) == nil {
			t.Errorf("seen at second %g, it is forgotten 10s later", offset)
		}
		if r.duringOutage("key", atSecond(110.5+offset)) != nil {
			t.Errorf("seen at second %g, it is still known 10.5s later", offset)
		}
	}
}

func TestRecentSeenAgain(t *testing.T) {
	r := newTimedRecent()
	first, second := &Session{recordKey: recordKey{key: "key"}, version: 1}, &Session{recordKey: recordKey{key: "key"}, version: 2}
	r.put(first, atSecond(0))
	r.put(second, atSecond(8))
	if got := r.duringOutage("key", atSecond(17)); got != second {
		t.Errorf("got %v, want the session as it was last seen", got)
	}
}

// Who asked the store before a session went may be answered afterwards.
func TestRecentGoneWhileSomebodyAsks(t *testing.T) {
	r, s := newTimedRecent(), &Session{recordKey: recordKey{key: "key"}}
	r.put(s, atSecond(0))
	r.gone("key", atSecond(1))
	for asked := 0.0; asked <= 1; asked += 0.25 {
		r.drop("key") // somebody else who asked then
		if r.put(s, atSecond(asked)) || r.duringOutage("key", atSecond(1.5)) != nil {
			t.Fatalf("asked for at second %g, gone at second 1: the session is back", asked)
		}
	}
	if !r.put(s, atSecond(1.1)) || r.duringOutage("key", atSecond(1.5)) == nil {
		t.Error("what the store still has, asked for afterwards, is not remembered")
	}
}

func TestRecentGoneBeforeItWasSeen(t *testing.T) {
	r, s := newTimedRecent(), &Session{recordKey: recordKey{key: "key"}}
	r.gone("key", atSecond(1))
	if r.put(s, atSecond(0.9)); r.duringOutage("key", atSecond(1.2)) != nil {
		t.Error("a session that has gone was remembered")
	}
}

// A session is served without a look into the store for two seconds, while the store tells of changes and told of none.
func TestRecentFresh(t *testing.T) {
	begin := func() *timedCache {
		r := newTimedRecent()
		r.Missed()
		living := &Session{recordKey: recordKey{key: "key"}, version: 2, limits: limits{idle: time.Hour, lifetime: time.Hour},
			record: record{authorizedAt: instantOf(atSecond(0)), createdAt: instantOf(atSecond(0)), lastSeenAt: instantOf(atSecond(0))}}
		r.put(living, atSecond(1))
		return r
	}
	for name, c := range map[string]struct {
		then func(r *timedCache)
		at   float64
		want bool
	}{
		"at once":                  {func(*timedCache) {}, 1, true},
		"almost two seconds later": {func(*timedCache) {}, 2.99, true},
		"two seconds later":        {func(*timedCache) {}, 3, false},
		"without news":             {func(r *timedCache) { r.Lost() }, 1.5, false},
		"when the news is back":    {func(r *timedCache) { r.Lost(); r.Missed() }, 1.5, false},
		"after a change":           {func(r *timedCache) { r.changed("key", atSecond(1.2)) }, 1.5, false},
		"after another's change":   {func(r *timedCache) { r.changed("other", atSecond(1.2)) }, 1.5, true},
		"after it has gone":        {func(r *timedCache) { r.gone("key", atSecond(1.2)) }, 1.5, false},
		"asked for before a change": {func(r *timedCache) {
			r.changed("key", atSecond(1.2))
			r.put(&Session{recordKey: recordKey{key: "key"}, version: 2}, atSecond(1.1))
		}, 1.5, false},
		"after an older version came late": {func(r *timedCache) {
			r.put(&Session{recordKey: recordKey{key: "key"}, version: 1}, atSecond(1.1))
		}, 2.9, true},
		"idle for too long": {func(r *timedCache) {
			r.put(&Session{recordKey: recordKey{key: "key"}, version: 3, limits: limits{idle: time.Second, lifetime: time.Hour},
				record: record{authorizedAt: instantOf(atSecond(0)), createdAt: instantOf(atSecond(0)), lastSeenAt: instantOf(atSecond(1))}}, atSecond(1))
		}, 2.1, false},
	} {
		r := begin()
		c.then(r)
		if got := r.fresh("key", atSecond(c.at)); (got != nil) != c.want {
			t.Errorf("%s: fresh is %v, want %t", name, got, c.want)
		}
	}
}

func TestRecentForget(t *testing.T) {
	r, s := newTimedRecent(), &Session{recordKey: recordKey{key: "key"}}
	r.put(s, atSecond(0))
	r.drop("key")
	r.drop("another")
	if r.duringOutage("key", atSecond(1)) != nil {
		t.Error("a forgotten session is still there")
	}
	r.put(s, atSecond(2))
	if r.duringOutage("key", atSecond(3)) == nil {
		t.Error("a session that was forgotten by mistake is not remembered again")
	}
}

func TestRecentHoldsLittle(t *testing.T) {
	r := newTimedRecent()
	for second := range 1000 {
		r.put(&Session{recordKey: recordKey{key: fmt.Sprint("key ", second)}}, atSecond(float64(second)))
	}
	if size := len(r.young) + len(r.old); size > 24 {
		t.Errorf("with one session a second it holds %d, want those of about 20s", size)
	}
}

// After a gap in the news nobody knows which sessions have ended; those that are known to be gone stay so.
func TestRecentForgetsAfterAGap(t *testing.T) {
	r, old, young := newTimedRecent(), &Session{recordKey: recordKey{key: "old"}}, &Session{recordKey: recordKey{key: "young"}}
	r.put(old, atSecond(100))
	r.gone("gone", atSecond(101))
	r.put(young, atSecond(111))
	r.Missed()
	for _, key := range []string{"old", "young", "gone"} {
		if r.duringOutage(key, atSecond(112)) != nil {
			t.Errorf("%s is still known", key)
		}
	}
	r.put(&Session{recordKey: recordKey{key: "gone"}}, atSecond(101))
	r.put(young, atSecond(112))
	if r.duringOutage("gone", atSecond(112)) != nil || r.duringOutage("young", atSecond(112)) != young {
		t.Error("after a gap sessions are not remembered as before")
	}
}

// What is learnt without the store takes the place of what was seen there, and is served no longer for it.
func TestRecentUpdate(t *testing.T) {
	r := newTimedRecent()
	first, second := &Session{recordKey: recordKey{key: "key"}, version: 1}, &Session{recordKey: recordKey{key: "key"}, version: 2}
	r.replace(second)
	if r.duringOutage("key", atSecond(0)) != nil {
		t.Error("a session that was never seen is served")
	}
	r.put(first, atSecond(0))
	r.replace(second)
	if got := r.duringOutage("key", atSecond(10)); got != second {
		t.Errorf("after 10s: got %v, want what is known since", got)
	}
	if got := r.duringOutage("key", atSecond(10.5)); got != nil {
		t.Errorf("after 10.5s: got %v", got)
	}
	r.gone("key", atSecond(20))
	r.replace(second)
	if r.duringOutage("key", atSecond(21)) != nil {
		t.Error("a session that is gone came back")
	}
}
