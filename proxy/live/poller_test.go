package live

import (
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/internal/outcome"
)

// TestOnePollForAll opens five streams on three replicas: each has the state at once, and polls are as for one.
func TestOnePollForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 3)
		var readers []*reader
		for i := range 5 {
			readers = append(readers, hubs[i%3].read(t, p))
			for _, r := range readers {
				r.expect(t, "one")
			}
		}
		time.Sleep(time.Minute)
		count, gaps := p.asked()
		if count < 20 || count > 22 {
			t.Errorf("%d polls in a minute, want 21", count)
		}
		for _, gap := range gaps {
			if gap < 2900*time.Millisecond || gap > 3100*time.Millisecond {
				t.Errorf("two polls are %v apart", gap)
			}
		}
		p.next("two")
		time.Sleep(usual.Every + 200*time.Millisecond)
		for _, r := range readers {
			r.expect(t, "one two")
		}
	})
}

// TestSchedule checks when polls come: at the end of a track, seldom while nothing plays, soon after a command, and not
// without listeners.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 2)
		r := hubs[0].read(t, p)
		r.expect(t, "one")
		p.set(func(p *player) { p.length = 4 * time.Second })
		time.Sleep(4 * time.Second)
		p.next("two")
		p.set(func(p *player) { p.length = time.Hour })
		time.Sleep(endDelay + 10*time.Millisecond)
		r.expect(t, "one one two") // the second because its length is another

		p.set(func(p *player) { p.playing = false })
		time.Sleep(10 * time.Second)
		r.expect(t, "one one two two")
		before, _ := p.asked()
		time.Sleep(time.Minute)
		if after, _ := p.asked(); after-before < 2 || after-before > 4 {
			t.Errorf("%d polls in a minute of silence, want 3", after-before)
		}

		p.set(func(p *player) { p.playing = true })
		hubs[0].Wrote("session:1")
		hubs[1].Wrote("session:1")
		time.Sleep(400 * time.Millisecond)
		r.expect(t, "one one two two two")

		before, _ = p.asked()
		for range 100 { // ten seconds of commands
			hubs[0].Wrote("session:1")
			time.Sleep(100 * time.Millisecond)
		}
		if after, _ := p.asked(); after-before > 11 {
			t.Errorf("%d polls in ten seconds of commands", after-before)
		}

		r.leave()
		time.Sleep(usual.Every)
		before, _ = p.asked()
		time.Sleep(time.Hour)
		if after, _ := p.asked(); after != before {
			t.Errorf("%d polls without a listener", after-before)
		}
	})
}

// TestNoStorm reconnects as fast as it can, on two replicas in turn. No two polls are less than a second apart.
func TestNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 2)
		for i := range 1000 {
			r := hubs[i%2].read(t, p)
			time.Sleep(37 * time.Millisecond)
			r.leave()
			if i%100 == 0 {
				time.Sleep(lingerTime + 10*time.Millisecond)
			}
		}
		count, gaps := p.asked()
		if count > 60 {
			t.Errorf("%d polls in a minute", count)
		}
		for _, gap := range gaps {
			if gap < leastGap {
				t.Errorf("two polls are %v apart", gap)
			}
		}
	})
}

// TestDelays lets Spotify fail: listeners hear of it once, polls become seldom, and the first good answer goes to all.
func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 2)
		here, there := hubs[0].read(t, p), hubs[1].read(t, p)
		there.expect(t, "one")
		p.set(func(p *player) { p.problem = &Problem{Event: outcome.EventDelayed, Reason: "RATE_LIMITED"} })
		time.Sleep(10 * time.Second)
		here.expect(t, "one delayed")
		there.expect(t, "one delayed")
		hubs[1].read(t, p).expect(t, "one delayed") // a reader that comes later learns both
		time.Sleep(5 * time.Minute)
		before, _ := p.asked()
		time.Sleep(10 * time.Minute)
		if after, _ := p.asked(); after-before < 15 || after-before > 20 {
			t.Errorf("%d polls in ten minutes of failures, want one each 30 s", after-before)
		}
		p.set(func(p *player) { p.problem = nil })
		time.Sleep(longestBackoff * 5 / 4)
		here.expect(t, "one delayed one")
		there.expect(t, "one delayed one")

		p.set(func(p *player) { p.takes = time.Minute })
		time.Sleep(2*usual.Every + pollTime)
		here.expect(t, "one delayed one delayed")
	})
}

// TestPollerDies takes the store's lease from a replica that polls no more.
func TestPollerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, dead := newPlayer(), newPlayer()
		s, hubs := replicas(t, 2)
		hubs[0].read(t, dead).expect(t, "one")
		r := hubs[1].read(t, p)
		r.expect(t, "one")
		if count, _ := p.asked(); count != 0 {
			t.Fatalf("the second replica polled %d times", count)
		}
		s.mu.Lock()
		s.hubs = hubs[1:]
		for key := range s.holder { // a process that is killed gives nothing back
			s.holder[key] = "the dead one"
		}
		s.mu.Unlock()
		hubs[0].stop()
		p.next("two")
		time.Sleep(leaseTime + time.Second)
		r.expect(t, "one two")
	})
}

// TestStoreAway freezes the store for half a minute. Streams stay open, the newest state comes, and polls do not hurry.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		s, hubs := replicas(t, 2)
		here, there := hubs[0].read(t, p), hubs[1].read(t, p)
		there.expect(t, "one")
		s.set(true)
		time.Sleep(10 * time.Second)
		p.next("two")
		time.Sleep(20 * time.Second)
		here.expect(t, "one delayed")
		there.expect(t, "one delayed")
		s.set(false)
		hubs[0].Missed()
		hubs[1].Missed()
		time.Sleep(10 * time.Second)
		for _, r := range []*reader{here, there} {
			if got := r.events(); got != "one delayed two" && got != "one delayed one two" {
				t.Errorf("the events are %q", got)
			}
		}
		if _, gaps := p.asked(); gaps[len(gaps)-1] < 2900*time.Millisecond {
			t.Errorf("the polls are %v apart", gaps)
		}
	})
}

// TestPhases begins a thousand topics at once. Neither their polls nor what they ask the store come at once, now or later.
func TestPhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		s, hubs := replicas(t, 1)
		hubs[0].Configure(Config{Every: usual.Every, Idle: usual.Idle, MaxStreams: 1000})
		begun := time.Now()
		for i := range 1000 {
			hubs[0].read(t, p, func(s *Subscription) { s.Owner = "session:" + time.Duration(i).String() })
		}
		time.Sleep(100 * time.Millisecond)
		s.mu.Lock()
		atOnce := len(s.tries)
		s.mu.Unlock()
		if atOnce > 1000/3 { // all of them without a pace
			t.Errorf("the store had %d commands for leases at once", atOnce)
		}
		time.Sleep(12 * time.Second)
		p.mu.Lock()
		defer p.mu.Unlock()
		perSecond := make([]int, 14)
		for _, at := range p.polls {
			perSecond[int(at.Sub(begun)/time.Second)]++
		}
		t.Log("polls in each second:", perSecond)
		for second, count := range perSecond {
			if count > 2*1000/3 {
				t.Errorf("%d polls in second %d", count, second)
			}
		}
	})
}
