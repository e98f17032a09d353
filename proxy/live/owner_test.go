package live

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSessionLimit opens streams of one session on three replicas in turn. On all of them together eight stay, the newest.
func TestSessionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		s, hubs := replicas(t, 3)
		var readers []*reader
		open := func(hub int) {
			readers = append(readers, hubs[hub].read(t, p))
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		goOn := func() (list []int) {
			for i, r := range readers {
				if !r.ended() {
					list = append(list, i)
				}
			}
			return list
		}
		for i := range maxPerSession + 4 {
			open(i % 3)
			if list := goOn(); len(list) != min(i+1, maxPerSession) || list[0] != max(0, i+1-maxPerSession) {
				t.Errorf("after stream %d the streams %v go on", i, list)
			}
		}
		readers[0].expect(t, "one replaced")

		// What a replica has told does not count for long: it may have been killed, or its streams may have ended since.
		s.mu.Lock()
		s.hubs = hubs[1:]
		s.mu.Unlock()
		before := len(goOn())
		time.Sleep(othersTime + time.Millisecond)
		open(1)
		if list := goOn(); len(list) != before+1 {
			t.Errorf("streams of a replica that says nothing count: %v go on of %d", list, before)
		}
		other := hubs[1].read(t, p, func(s *Subscription) { s.Owner = "session:2" })
		if other.ended() {
			t.Error("the stream of another session has ended")
		}
		hubs[1].Heard(ownerPrefix + "session:1 x opened ")
		hubs[1].Heard(ownerPrefix + "session:1 x opened !!")
		hubs[1].Heard(ownerPrefix)
		hubs[1].Heard(ownerPrefix + "session:1 x have " + strings.Repeat("zz ", 10_000)) // all of them long ago
		if other.ended() {
			t.Error("the stream of another session has ended")
		}
	})
}

// TestSessionLimitWhenReloaded closes and opens eight streams again and again, on three replicas: none is one too many.
func TestSessionLimitWhenReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 3)
		var readers [maxPerSession]*reader
		for i := range 100 {
			if last := readers[i%maxPerSession]; last != nil {
				last.leave()
				synctest.Wait()
			}
			readers[i%maxPerSession] = hubs[i%3].read(t, p)
			time.Sleep(time.Duration(i%5) * 100 * time.Millisecond)
			for j, r := range readers {
				if r != nil && r.ended() {
					t.Fatalf("stream %d has ended in round %d with %q", j, i, r.events())
				}
			}
		}
	})
}
