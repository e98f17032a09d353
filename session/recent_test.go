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

func TestRecentServesForTenSeconds(t *testing.T) {
	r, s := newRecent(), &Session{place: place{key: "key"}}
	r.saw(s, atSecond(100))
	for _, c := range []struct {
		second float64
		want   bool
	}{{100, true}, {105, true}, {110, true}, {110.001, false}, {200, false}} {
		if got := r.get("key", atSecond(c.second)) != nil; got != c.want {
			t.Errorf("%gs after it was seen: found is %v", c.second-100, got)
		}
	}
}

// Whatever the generations do, what was seen within ten seconds is found and what was not is not.
func TestRecentAcrossGenerations(t *testing.T) {
	for offset := 0.0; offset < 25; offset += 0.5 {
		r := newRecent()
		r.saw(&Session{place: place{key: "other"}}, atSecond(100))
		r.saw(&Session{place: place{key: "key"}}, atSecond(100+offset))
		if r.get("key", atSecond(110+offset)) == nil {
			t.Errorf("seen at second %g, it is forgotten 10s later", offset)
		}
		if r.get("key", atSecond(110.5+offset)) != nil {
			t.Errorf("seen at second %g, it is still known 10.5s later", offset)
		}
	}
}

func TestRecentSeenAgain(t *testing.T) {
	r := newRecent()
	first, second := &Session{place: place{key: "key"}, version: 1}, &Session{place: place{key: "key"}, version: 2}
	r.saw(first, atSecond(0))
	r.saw(second, atSecond(8))
	if got := r.get("key", atSecond(17)); got != second {
		t.Errorf("got %v, want the session as it was last seen", got)
	}
}

func TestRecentGoneIsForGood(t *testing.T) {
	r, s := newRecent(), &Session{place: place{key: "key"}}
	r.saw(s, atSecond(0))
	r.gone("key", atSecond(1))
	for second := 1.0; second < 11; second += 0.5 {
		r.forget("key")            // a request that read after it was deleted
		r.saw(s, atSecond(second)) // one that read before
		if r.get("key", atSecond(second)) != nil {
			t.Fatalf("%gs after it has gone the session is back", second-1)
		}
	}
}

func TestRecentGoneBeforeItWasSeen(t *testing.T) {
	r, s := newRecent(), &Session{place: place{key: "key"}}
	r.gone("key", atSecond(0))
	r.saw(s, atSecond(0.1))
	if r.get("key", atSecond(0.2)) != nil {
		t.Error("a session that has gone was remembered")
	}
}

func TestRecentForget(t *testing.T) {
	r, s := newRecent(), &Session{place: place{key: "key"}}
	r.saw(s, atSecond(0))
	r.forget("key")
	r.forget("another")
	if r.get("key", atSecond(1)) != nil {
		t.Error("a forgotten session is still there")
	}
	r.saw(s, atSecond(2))
	if r.get("key", atSecond(3)) == nil {
		t.Error("a session that was forgotten by mistake is not remembered again")
	}
}

func TestRecentHoldsLittle(t *testing.T) {
	r := newRecent()
	for second := range 1000 {
		r.saw(&Session{place: place{key: fmt.Sprint("key ", second)}}, atSecond(float64(second)))
	}
	if size := len(r.young) + len(r.old); size > 24 {
		t.Errorf("with one session a second it holds %d, want those of about 20s", size)
	}
}

// After a gap in the news nobody knows which sessions have ended; those that are known to be gone stay so.
func TestRecentForgetsAfterAGap(t *testing.T) {
	r, old, young := newRecent(), &Session{place: place{key: "old"}}, &Session{place: place{key: "young"}}
	r.saw(old, atSecond(100))
	r.gone("gone", atSecond(101))
	r.saw(young, atSecond(111))
	r.missed()
	for _, key := range []string{"old", "young", "gone"} {
		if r.get(key, atSecond(112)) != nil {
			t.Errorf("%s is still known", key)
		}
	}
	r.saw(&Session{place: place{key: "gone"}}, atSecond(112))
	r.saw(young, atSecond(112))
	if r.get("gone", atSecond(112)) != nil || r.get("young", atSecond(112)) != young {
		t.Error("after a gap sessions are not remembered as before")
	}
}

// What is learnt without the store takes the place of what was seen there, and is served no longer for it.
func TestRecentUpdate(t *testing.T) {
	r := newRecent()
	first, second := &Session{place: place{key: "key"}, version: 1}, &Session{place: place{key: "key"}, version: 2}
	r.update(second)
	if r.get("key", atSecond(0)) != nil {
		t.Error("a session that was never seen is served")
	}
	r.saw(first, atSecond(0))
	r.update(second)
	if got := r.get("key", atSecond(10)); got != second {
		t.Errorf("after 10s: got %v, want what is known since", got)
	}
	if got := r.get("key", atSecond(10.5)); got != nil {
		t.Errorf("after 10.5s: got %v", got)
	}
	r.gone("key", atSecond(20))
	r.update(second)
	if r.get("key", atSecond(21)) != nil {
		t.Error("a session that is gone came back")
	}
}
