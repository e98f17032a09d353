package live

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/internal/outcome"
)

// TestEnds ends streams in every way.
func TestEnds(t *testing.T) {
	ends := map[string]struct {
		do   func(hubs []*Hub, p *player)
		want string
		last string
	}{
		"the record is deleted": {func(hubs []*Hub, _ *player) {
			for _, h := range hubs {
				h.Gone("session:1")
			}
		}, "one ended", `data: {"error":"ended"}`},
		"the grant ends in a poll": {func(_ []*Hub, p *player) {
			p.set(func(p *player) { p.problem = &Problem{Event: outcome.EventEnded, Body: []byte(`{"error":1}`)} })
		}, "one ended", `data: {"error":1}`},
		"the grant ends elsewhere": {func(hubs []*Hub, p *player) {
			p.set(func(p *player) { p.check = &Problem{Event: outcome.EventEnded, Body: []byte(`{"error":2}`)} })
			hubs[1].Changed("session:1")
		}, "one ended", `data: {"error":2}`},
		"Spotify says no": {func(_ []*Hub, p *player) {
			p.set(func(p *player) {
				p.problem = &Problem{Event: outcome.EventFailed, Status: 403, Body: []byte(`{"error":3}`)}
			})
		}, "one failed", `data: {"error":3}`},
		"the replicas stop": {func(hubs []*Hub, _ *player) {
			for _, h := range hubs {
				h.Drain()
			}
		}, "one", "retry: "},
		"the route goes": {func(hubs []*Hub, _ *player) {
			for _, h := range hubs {
				h.Keep(map[string]bool{"another": true})
			}
		}, "one", "retry: "},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlayer()
				_, hubs := replicas(t, 2)
				readers := []*reader{hubs[0].read(t, p), hubs[1].read(t, p), hubs[1].read(t, p)}
				for _, r := range readers {
					r.expect(t, "one")
				}
				end.do(hubs, p)
				time.Sleep(usual.Every + 100*time.Millisecond)
				p.next("two")
				time.Sleep(usual.Every)
				for i, r := range readers {
					r.expect(t, end.want)
					if !r.ended() {
						t.Errorf("stream %d goes on", i)
					}
					if blocks := strings.Split(r.read(), "\n\n"); !strings.Contains(blocks[len(blocks)-2], end.last) {
						t.Errorf("stream %d ends with %q", i, blocks[len(blocks)-2])
					}
				}
			})
		})
	}
}

// TestFailedIsRemembered comes back after Spotify has said no: a reader does not make a poll of each try.
func TestFailedIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		p.problem = &Problem{Event: outcome.EventFailed, Status: 404, Body: []byte("{}")}
		_, hubs := replicas(t, 1)
		hubs[0].read(t, p).expect(t, "failed")
		_, err := hubs[0].Subscribe(Subscription{Owner: "session:1", Address: "me/player"})
		var failed *FailedError
		if !errors.As(err, &failed) || failed.Status != 404 {
			t.Errorf("the next one gets %v", err)
		}
		p.set(func(p *player) { p.problem = nil })
		time.Sleep(failedTime + time.Millisecond)
		hubs[0].read(t, p).expect(t, "one")
	})
}

// TestBounds opens more streams than there may be.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 1)
		readers := []*reader{hubs[0].read(t, p)}
		readers[0].expect(t, "one") // before the others come, or it might be replaced before it has a state
		for range maxPerSession {
			readers = append(readers, hubs[0].read(t, p))
		}
		readers[0].expect(t, "one replaced")
		if !readers[0].ended() || readers[1].ended() {
			t.Error("not the oldest stream has ended")
		}
		account := func(s *Subscription) { s.Owner, s.Session = "account:1", false }
		for range usual.MaxStreams - maxPerSession {
			hubs[0].read(t, p, account)
		}
		if _, err := hubs[0].Subscribe(Subscription{Owner: "account:1", Address: "me/player"}); !errors.Is(err, ErrOverloaded) {
			t.Errorf("one more gets %v", err)
		}
		readers[1].leave()
		readers[1].ended()
		hubs[0].read(t, p, account).expect(t, "one")
	})
}

// TestLastEventID does not tell a reader what it knows.
func TestLastEventID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 1)
		first := hubs[0].read(t, p)
		first.expect(t, "one")
		_, rest, _ := strings.Cut(first.read(), "id: ")
		id, _, _ := strings.Cut(rest, "\n")
		knows := func(s *Subscription) { s.LastEventID = id }
		hubs[0].read(t, p, knows).expect(t, "")
		first.leave()
		time.Sleep(time.Minute) // the topic is gone, and the track plays on
		again := hubs[0].read(t, p, knows)
		again.expect(t, "")
		p.next("two")
		time.Sleep(usual.Every + 100*time.Millisecond)
		again.expect(t, "two")
		hubs[0].read(t, p, knows).expect(t, "two")
	})
}

// TestLaterReader gets the state that was sent a while ago with the progress of now.
func TestLaterReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 2)
		hubs[0].read(t, p)
		hubs[1].read(t, p)
		time.Sleep(100 * time.Second)
		later := hubs[1].read(t, p)
		later.expect(t, "one")
		if !strings.Contains(later.read(), `"progress_ms":100000,`) {
			t.Errorf("the later reader got %s", later.read())
		}
	})
}

// TestChecks looks at the owner's record before its time has run, however short that is.
func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		p.until = time.Second
		_, hubs := replicas(t, 1)
		hubs[0].read(t, p)
		time.Sleep(time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := 1; i < len(p.checks); i++ {
			if gap := p.checks[i].Sub(p.checks[i-1]); gap > time.Second {
				t.Errorf("two looks are %v apart", gap)
			}
		}
		if len(p.checks) > 60*5 {
			t.Errorf("%d looks in a minute", len(p.checks))
		}
	})
}

// TestComments keeps a quiet stream alive.
func TestComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer()
		_, hubs := replicas(t, 1)
		r := hubs[0].read(t, p)
		time.Sleep(46 * time.Second)
		if got := strings.Count(r.read(), "\n\n:"); got != 3 {
			t.Errorf("%d comments in 45 s: %q", got, r.read())
		}
	})
}
