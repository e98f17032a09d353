package live

import (
	"testing"
	"testing/synctest"
	"time"
)

// expectGaps expects that no two polls reached the player less than a second apart, and that there were several.
func (p *player) expectGaps(t *testing.T, what string) {
	t.Helper()
	count, gaps := p.asked()
	if count < 3 {
		t.Errorf("%s: %d polls", what, count)
	}
	for i, gap := range gaps {
		if gap < leastGap {
			t.Errorf("%s: polls %d and %d reached Spotify %v apart", what, i+1, i+2, gap)
		}
	}
}

// TestSlowToArrive has each second poll reach Spotify late, as one does that waits for a connection or for its turn in the quota.
// The next one comes a second after it all the same.
func TestSlowToArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		p.restarts, p.length = true, 100*time.Millisecond // so that the next poll is due as soon as it may be
		p.reaches = func(poll int) time.Duration { return time.Duration(poll%2) * 800 * time.Millisecond }
		_, hubs := replicas(t, 2)
		r := hubs[0].read(t, p)
		time.Sleep(10 * time.Second)
		p.expectGaps(t, "ends of tracks")

		// The topic goes from replica to replica while a poll is on its way.
		for i := range 10 {
			r.leave()
			time.Sleep(lingerTime + time.Duration(i)*100*time.Millisecond)
			r = hubs[(i+1)%2].read(t, p)
			time.Sleep(time.Duration(i) * 300 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		p.expectGaps(t, "another replica")

		p.set(func(p *player) { p.restarts, p.length = false, time.Hour })
		command := func() {
			for _, h := range hubs {
				h.Wrote("session:1")
			}
		}
		command()
		time.Sleep(3 * leastGap / 2)
		p.set(func(p *player) { p.polls = nil }) // the first one after a command may be close to the one before
		for range 100 {
			command()
			time.Sleep(100 * time.Millisecond)
		}
		p.expectGaps(t, "commands")
	})
}

// TestLeaseOutlastsPoll freezes the store for some seconds while polls take all the time that they may. One that began before
// the lease ran out does not reach Spotify beside one of the replica that has the lease then.
func TestLeaseOutlastsPoll(t *testing.T) {
	for frozen := leaseTime - time.Second; frozen < 2*leaseTime; frozen += 370 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			p := newPlayer()
			s, hubs := replicas(t, 2)
			hubs[0].read(t, p)
			hubs[1].read(t, p)
			time.Sleep(10 * time.Second)
			p.set(func(p *player) { p.reaches = func(int) time.Duration { return pollTime } })
			s.set(true)
			time.Sleep(frozen)
			p.set(func(p *player) { p.reaches = nil })
			s.set(false)
			time.Sleep(time.Minute)
			p.expectGaps(t, frozen.String())
		})
	}
}

// TestStoreForgetsLeases has the store lose its leases at any time after a poll, as Redis does when it restarts without its
// data. Another replica than before may acquire one then. It does not poll at once.
func TestStoreForgetsLeases(t *testing.T) {
	for after := time.Duration(0); after < usual.Every; after += 190 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			p := newPlayer()
			s, hubs := replicas(t, 3)
			for _, h := range hubs {
				h.read(t, p)
				time.Sleep(300 * time.Millisecond) // so that they do not try at the same time
			}
			time.Sleep(10*time.Second + after)
			s.forget()
			for _, h := range hubs {
				h.Lost()
				h.Missed()
			}
			time.Sleep(10 * time.Second)
			p.expectGaps(t, after.String())
		})
	}
}
