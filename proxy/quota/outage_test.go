package quota

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sharedLedger is what several replicas share. It tells them of each other as Redis does, and can fail.
type sharedLedger struct {
	*Memory
	mu       sync.Mutex // guards what follows
	limiters []*Limiter
	told     time.Time
	draws    int
}

// replicaLedger is one replica's way to the shared ledger.
type replicaLedger struct {
	*sharedLedger
	mu   sync.Mutex // guards what follows
	down bool       // draws do not arrive
	lost bool       // draws arrive, their answers do not
}

// drawn is how many draws were answered.
func (s *sharedLedger) drawn() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draws
}

func (r *replicaLedger) set(down, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down, r.lost = down, lost
}

func (r *replicaLedger) Draw(ctx context.Context, d Draw) (Grant, error) {
	r.mu.Lock()
	down, lost := r.down, r.lost
	r.mu.Unlock()
	if down {
		return Grant{}, errors.New("down")
	}
	r.Memory.mu.Lock()
	known := r.replicas[d.Replica] != nil
	r.Memory.mu.Unlock()
	grant, err := r.Memory.Draw(ctx, d)
	if lost {
		return Grant{}, errors.New("lost")
	}
	s := r.sharedLedger
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draws++
	if !known || !d.Idle && grant.Count < d.Want && time.Since(s.told) >= tellTime(d.Window) {
		s.told = time.Now()
		for _, l := range s.limiters {
			if l.name != d.Replica {
				go l.Beat()
			}
		}
	}
	return grant, err
}

// world is some replicas and a Spotify.
type world struct {
	shared   *sharedLedger
	ledgers  []*replicaLedger
	replicas []*Limiter
	spotify  *spotify
}

func newWorld(t *testing.T, replicas int, c LimiterConfig) *world {
	w := &world{shared: &sharedLedger{Memory: NewMemory(time.Now)}, spotify: &spotify{delay: 50 * time.Millisecond}}
	for range replicas {
		w.add(t, c, time.Now)
	}
	return w
}

// add adds a replica with that clock.
func (w *world) add(t *testing.T, c LimiterConfig, clock func() time.Time) {
	ledger := &replicaLedger{sharedLedger: w.shared}
	l := NewLimiter(LimiterOptions{Config: c, Gates: ledger, Allowance: ledger, Now: clock})
	t.Cleanup(l.Close)
	w.shared.mu.Lock()
	w.shared.limiters = append(w.shared.limiters, l)
	w.shared.mu.Unlock()
	w.ledgers, w.replicas = append(w.ledgers, ledger), append(w.replicas, l)
}

// load has so many clients ask a replica, each as often as that, until ctx ends. It counts the calls that leave.
func (w *world) load(ctx context.Context, group *sync.WaitGroup, replica, clients int, every time.Duration) *atomic.Int64 {
	calls := new(atomic.Int64)
	for range clients {
		group.Go(func() {
			for ctx.Err() == nil {
				_, err := w.replicas[replica].Call(ctx, read, func() (*http.Response, error) {
					calls.Add(1)
					return w.spotify.call()
				})
				if err == nil || !errors.Is(err, context.DeadlineExceeded) {
					_ = waitFor(ctx, nil, rand.N(2*every))
				}
			}
		})
	}
	return calls
}

// TestOutageIsExact has the ledger go down for all replicas, or one, for short and for long, under even and uneven load, so
// that requests or answers are lost: never are there more calls in a window.
func TestOutageIsExact(t *testing.T) {
	const calls, window = 24, 30 * time.Second
	for name, c := range map[string]struct {
		clients [3]int
		begin   time.Duration
		lasts   time.Duration
		lost    bool
		one     bool
		fewest  int // calls during the outage
	}{
		"at once":                         {[3]int{5, 5, 5}, 2 * time.Second, 70 * time.Second, false, false, 20},
		"early":                           {[3]int{5, 5, 5}, 10 * time.Second, 100 * time.Second, false, false, 40},
		"later":                           {[3]int{5, 5, 5}, 70 * time.Second, 70 * time.Second, false, false, 30},
		"a moment":                        {[3]int{5, 5, 5}, 33 * time.Second, 4 * time.Second, false, false, 0},
		"answers are lost":                {[3]int{5, 5, 5}, 33 * time.Second, 70 * time.Second, true, false, 30},
		"one replica has it all":          {[3]int{15, 0, 0}, 70 * time.Second, 70 * time.Second, false, false, 8},
		"one has nearly all":              {[3]int{15, 1, 1}, 70 * time.Second, 150 * time.Second, false, false, 60},
		"one replica alone, for a window": {[3]int{5, 5, 5}, 45 * time.Second, 28 * time.Second, false, true, 20},
		"few ask":                         {[3]int{1, 1, 0}, 45 * time.Second, 70 * time.Second, false, false, 20},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range 5 {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, 3, LimiterConfig{Calls: calls, Window: window, UserShare: 1, Wait: 2 * time.Second})
					ctx, cancel := context.WithTimeout(t.Context(), c.begin+c.lasts+3*window)
					defer cancel()
					var group sync.WaitGroup
					for i, clients := range c.clients {
						w.load(ctx, &group, i, clients, time.Second)
					}
					time.Sleep(c.begin + time.Duration(seed)*777*time.Millisecond)
					before := w.spotify.count()
					for i, ledger := range w.ledgers {
						if !c.one || i == 1 {
							ledger.set(!c.lost, c.lost)
						}
					}
					time.Sleep(time.Second)
					for i := range w.replicas { // what asked little asks for much
						w.load(ctx, &group, i, 3, time.Second)
					}
					time.Sleep(c.lasts - time.Second)
					during := w.spotify.count() - before
					for _, ledger := range w.ledgers {
						ledger.set(false, false)
					}
					group.Wait()
					if most := w.spotify.most(window); most > calls {
						t.Errorf("%d calls in one window, want at most %d", most, calls)
					}
					if during < c.fewest {
						t.Errorf("only %d calls in %v without the ledger, want %d at least", during, c.lasts, c.fewest)
					}
					if seed == 0 {
						t.Logf("%d calls, %d of them during the outage, at most %d in a window, %d draws", w.spotify.count(), during, w.spotify.most(window), w.shared.drawn())
					}
				})
			}
		})
	}
}

// TestIdleReplicaHasAShare has a replica that was asked nothing serve when the ledger is down.
func TestIdleReplicaHasAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, LimiterConfig{Calls: 180, Window: 30 * time.Second, UserShare: 1})
		time.Sleep(10 * time.Minute)
		for _, ledger := range w.ledgers {
			ledger.set(true, false)
		}
		for i, l := range w.replicas {
			served := 0
			for range 70 {
				if _, err := l.Call(t.Context(), read, w.spotify.call); err == nil {
					served++
				}
			}
			if served < 25 || served > 60 {
				t.Errorf("replica %d serves %d of 70", i, served)
			}
		}
		time.Sleep(2 * time.Minute)
		served := 0
		for range 70 {
			if _, err := w.replicas[0].Call(t.Context(), read, w.spotify.call); err == nil {
				served++
			}
		}
		if served != 60 {
			t.Errorf("later it serves %d, want its share of 60", served)
		}
	})
}

// TestNeverReached has a replica start while the ledger is down: it does not know how many others there are.
func TestNeverReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, s := newLedger(), &spotify{}
		ledger.down = true
		l := newTestLimiter(t, ledger, LimiterConfig{Calls: 180, Window: 30 * time.Second, UserShare: 1})
		for range 100 {
			_, _ = l.Call(t.Context(), read, s.call)
			time.Sleep(time.Second)
		}
		if s.count() > 0 {
			t.Errorf("%d calls left", s.count())
		}
		ledger.mu.Lock()
		ledger.down = false
		ledger.mu.Unlock()
		time.Sleep(2 * time.Second)
		if _, err := l.Call(t.Context(), read, s.call); err != nil {
			t.Error(err)
		}
	})
}

// TestLoadMoves has all the load on one replica, and then as much on another: each comes to an equal part. When the first is
// not asked any more, the other one has all but the quarter that an idle replica holds in case the ledger goes down.
func TestLoadMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, window = 180, 30 * time.Second
		w := newWorld(t, 2, LimiterConfig{Calls: calls, Window: window, UserShare: 1, Wait: 2 * time.Second})
		var group sync.WaitGroup
		first, stop := context.WithTimeout(t.Context(), 7*window)
		defer stop()
		second, end := context.WithTimeout(t.Context(), 11*window)
		defer end()
		a := w.load(first, &group, 0, 20, time.Second)
		time.Sleep(2 * window)
		if a.Load() < 3*calls/2 {
			t.Errorf("alone it made %d calls in two windows", a.Load())
		}
		b := w.load(second, &group, 1, 20, time.Second)
		time.Sleep(3 * window)
		a3, b3 := a.Load(), b.Load()
		time.Sleep(2*window - time.Second)
		a5, b5 := a.Load()-a3, b.Load()-b3
		if a5+b5 < 3*calls/2 || min(a5, b5) < max(a5, b5)*2/3 {
			t.Errorf("together they made %d and %d calls in two windows", a5, b5)
		}
		time.Sleep(2 * window)
		b7 := b.Load()
		time.Sleep(2 * window)
		group.Wait()
		if got := b.Load() - b7; got < 2*calls*2/3 {
			t.Errorf("when the other was gone it made %d calls in two windows", got)
		}
		if most := w.spotify.most(window); most > calls {
			t.Errorf("%d calls in one window", most)
		}
		t.Logf("%d draws for %d calls", w.shared.drawn(), w.spotify.count())
	})
}

// TestSaturatedDrawsAreFew counts the draws where there are a few more requests than calls.
func TestSaturatedDrawsAreFew(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprint(replicas, " replicas"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls, window = 180, 30 * time.Second
				w := newWorld(t, replicas, LimiterConfig{Calls: calls, Window: window, UserShare: 1, Wait: 2 * time.Second})
				ctx, cancel := context.WithTimeout(t.Context(), 6*window)
				defer cancel()
				var group sync.WaitGroup
				for i := range replicas {
					w.load(ctx, &group, i, 12/replicas, time.Second)
				}
				time.Sleep(window)
				draws, made := w.shared.count(), w.spotify.count()
				group.Wait()
				draws, made = w.shared.count()-draws, w.spotify.count()-made
				t.Logf("%d draws for %d calls, at most %d in a window", draws, made, w.spotify.most(window))
				if draws > made/10 {
					t.Errorf("%d draws for %d calls", draws, made)
				}
				if made < calls*5*8/10 {
					t.Errorf("only %d calls in five windows", made)
				}
			})
		})
	}
}

func (s *sharedLedger) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draws
}

// forget makes the ledger lose what it knows, as a Redis does that restarts without its data. Replicas hear of the first that
// draws then.
func (s *sharedLedger) forget() {
	s.Memory.mu.Lock()
	s.holdings = newHoldings()
	s.Memory.mu.Unlock()
}

// TestDisorderIsExact has the ledger go down and forget, replicas be cut off, killed, and replaced, and load move, at random.
func TestDisorderIsExact(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			const calls, window, replicas = 30, 30 * time.Second, 4
			random := rand.New(rand.NewPCG(1, seed))
			w := newWorld(t, replicas, LimiterConfig{Calls: calls, Window: window, UserShare: 1, Wait: 2 * time.Second})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
			defer cancel()
			var group sync.WaitGroup
			event := ""
			for ctx.Err() == nil {
				burst, stop := context.WithTimeout(ctx, time.Duration(5+random.IntN(60))*time.Second)
				for i := range w.replicas {
					w.load(burst, &group, i, []int{0, 1, 1, 8}[random.IntN(4)], time.Second)
				}
				switch random.IntN(6) {
				case 0: // all for any time
					lost := random.IntN(2) == 0
					for _, ledger := range w.ledgers {
						ledger.set(!lost, lost)
						_ = waitFor(ctx, nil, rand.N(50*time.Millisecond))
					}
					_ = waitFor(ctx, nil, time.Duration(1+random.IntN(150))*time.Second)
					for _, ledger := range w.ledgers {
						ledger.set(false, false)
						_ = waitFor(ctx, nil, rand.N(50*time.Millisecond))
					}
					event += " down"
				case 1: // one, within its lease
					ledger := w.ledgers[random.IntN(len(w.ledgers))]
					ledger.set(true, false)
					_ = waitFor(ctx, nil, time.Duration(1+random.IntN(10))*time.Second)
					ledger.set(false, false)
					event += " one"
				case 2:
					w.shared.forget()
					event += " forgets"
				default:
					_ = waitFor(ctx, nil, 20*time.Second)
				}
				_ = waitFor(ctx, nil, 25*time.Second) // all replicas draw meanwhile
				<-burst.Done()
				stop()
				if most := w.spotify.most(window); most > calls {
					t.Fatalf("seed %d, after%s: %d calls in one window, want at most %d", seed, event, most, calls)
				}
			}
			group.Wait()
			if seed == 0 {
				t.Logf("%d calls in %v, %d draws", w.spotify.count(), 20*time.Minute, w.shared.drawn())
			}
		})
	}
}
