package live

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestNonsenseLastEventID comes back with ids that no gateway has given. Each reader gets the state.
func TestNonsenseLastEventID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 1)
		for i, id := range []string{"", ".", "~", "x", "x.y", "~9223372036854775808", "a~-9223372036854775808", "\x00.1", strings.Repeat("~", 1<<16), "data: x\n\n.1"} {
			r := hubs[0].read(t, p, func(s *Subscription) { s.LastEventID, s.Session, s.Owner = id, false, "account:1" })
			if got := r.events(); got != "one" {
				t.Errorf("id %d: the events are %q", i, got)
			}
		}
	})
}

// TestFlapping has the player come and go with each poll, while it is commanded without end. There is no more than one poll a
// second, and each change is told.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 2)
		readers := []*reader{hubs[0].read(t, p), hubs[1].read(t, p)}
		for i := range 60 {
			p.next([]string{"", "one"}[i%2])
			for range 20 {
				hubs[i%2].Wrote("session:1")
				hubs[(i+1)%2].Wrote("session:1")
				time.Sleep(50 * time.Millisecond)
			}
		}
		_, gaps := p.asked()
		close := 0
		for _, gap := range gaps {
			if gap < leastGap {
				close++
			}
		}
		if len(gaps) > 62 || close > 1 { // the first command comes at any time after a poll
			t.Errorf("%d polls in a minute, %d of them less than %v after another: %v", len(gaps)+1, close, leastGap, gaps)
		}
		if a, b := readers[0].events(), readers[1].events(); a != b || !strings.Contains(a, "one state one state") {
			t.Errorf("the events are %q and %q", a, b)
		}
	})
}
