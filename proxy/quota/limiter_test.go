package quota

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// spotify counts calls in a rolling window, as Spotify does, and keeps their times.
type spotify struct {
	mu    sync.Mutex
	times []time.Time
	next  func() *http.Response // the coming answers; nil for 200
	delay time.Duration
}

func (s *spotify) call() (*http.Response, error) {
	s.mu.Lock()
	s.times = append(s.times, time.Now())
	next := s.next
	s.mu.Unlock()
	time.Sleep(s.delay)
	if next != nil {
		return next(), nil
	}
	return answer(http.StatusOK, ""), nil
}

// most is the largest number of calls in any time so long.
func (s *spotify) most(window time.Duration) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := 0
	for i, first := range s.times {
		n := 0
		for _, at := range s.times[i:] {
			if at.Sub(first) < window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func (s *spotify) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.times)
}

// countedLedger counts the questions to a ledger, and can fail.
type countedLedger struct {
	*Memory
	mu    sync.Mutex
	draws int
	down  bool
}

func (c *countedLedger) Draw(ctx context.Context, d Draw) (Grant, error) {
	c.mu.Lock()
	c.draws++
	down := c.down
	c.mu.Unlock()
	if down {
		return Grant{}, errors.New("down")
	}
	return c.Memory.Draw(ctx, d)
}

func newTestLimiter(t *testing.T, ledger *countedLedger, c LimiterConfig) *Limiter {
	l := NewLimiter(LimiterOptions{Config: c, Gates: ledger, Allowance: ledger, Now: time.Now})
	t.Cleanup(l.Close)
	return l
}

func newLedger() *countedLedger { return &countedLedger{Memory: NewMemory(time.Now)} }

var read = Turn{Priority: PriorityRead, Bucket: BucketAll}

// TestBudgetIsExact lets several replicas want more than there is, for several windows.
func TestBudgetIsExact(t *testing.T) {
	for _, replicas := range []int{1, 3, 8} {
		t.Run(fmt.Sprint(replicas, " replicas"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls, window = 180, 30 * time.Second
				ledger, s := newLedger(), &spotify{delay: 50 * time.Millisecond}
				ctx, cancel := context.WithTimeout(t.Context(), 4*window)
				defer cancel()
				var group sync.WaitGroup
				for range replicas {
					l := newTestLimiter(t, ledger, LimiterConfig{Calls: calls, Window: window, UserShare: 1, Wait: 2 * time.Second})
					for range 10 {
						group.Go(func() {
							for ctx.Err() == nil {
								_, _ = l.Call(ctx, read, s.call)
								_ = waitFor(ctx, nil, rand.N(300*time.Millisecond))
							}
						})
					}
				}
				group.Wait()
				if most := s.most(window); most > calls {
					t.Errorf("%d calls in one window, want at most %d", most, calls)
				}
				if least := calls * 4 * 7 / 10; s.count() < least {
					t.Errorf("only %d calls in four windows, want %d at least", s.count(), least)
				}
				t.Logf("%d calls, at most %d in a window, %d draws", s.count(), s.most(window), ledger.draws)
			})
		})
	}
}

// TestDrawsAreFew counts the questions where there is enough for all.
func TestDrawsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, s := newLedger(), &spotify{}
		l := newTestLimiter(t, ledger, LimiterConfig{Calls: 1000, Window: 30 * time.Second, UserShare: 1, Wait: 2 * time.Second})
		for range 500 {
			if _, err := l.Call(t.Context(), read, s.call); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if ledger.draws > 50 {
			t.Errorf("%d draws for 500 calls", ledger.draws)
		}
	})
}

// TestBudgetWhileTheLedgerIsDown checks that a replica keeps to its share while the ledger is down, and tells of it afterwards.
func TestBudgetWhileTheLedgerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, window = 60, 30 * time.Second
		ledger, s := newLedger(), &spotify{}
		l := newTestLimiter(t, ledger, LimiterConfig{Calls: calls, Window: window, UserShare: 1})
		for second := range 150 {
			ledger.mu.Lock()
			ledger.down = second > 20 && second < 70
			ledger.mu.Unlock()
			for range 5 {
				_, _ = l.Call(t.Context(), read, s.call)
			}
			time.Sleep(time.Second)
		}
		if most := s.most(window); most > calls {
			t.Errorf("%d calls in one window, want at most %d", most, calls)
		}
		if s.count() < 3*calls {
			t.Errorf("only %d calls in five windows", s.count())
		}
	})
}

// TestPriorities lets calls of each kind wait for a few places, and looks when they leave.
func TestPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, s := newLedger(), &spotify{}
		l := newTestLimiter(t, ledger, LimiterConfig{Calls: 5, Window: 30 * time.Second, UserShare: 1, Wait: 5 * time.Minute})
		for range 5 {
			_, _ = l.Call(t.Context(), read, s.call)
		}
		var (
			mu    sync.Mutex
			left  = map[Priority][]time.Time{}
			group sync.WaitGroup
		)
		for i := range 20 {
			turn := Turn{Priority: Priority(i % 4), Bucket: BucketAll}
			group.Go(func() {
				_, err := l.Call(t.Context(), turn, func() (*http.Response, error) {
					mu.Lock()
					defer mu.Unlock()
					left[turn.Priority] = append(left[turn.Priority], time.Now())
					return answer(http.StatusOK, ""), nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for p := PriorityLow; p < PriorityLogin; p++ {
			if low, high := left[p][0], left[p+1][4]; low.Before(high) {
				t.Errorf("a call of priority %d left at %v, before the last of priority %d at %v", p, low, p+1, high)
			}
		}
	})
}

// TestRefusals checks what is said when the time has run out, and that a call that leaves the queue costs nothing.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, s := newLedger(), &spotify{}
		l := newTestLimiter(t, ledger, LimiterConfig{Calls: 4, Window: 10 * time.Second, UserShare: 0.5, Wait: time.Second})
		mine := Turn{Priority: PriorityRead, Session: "greedy", Bucket: BucketAll}
		for range 3 { // no other session asks
			if _, err := l.Call(t.Context(), mine, s.call); err != nil {
				t.Fatal(err)
			}
		}
		other := Turn{Priority: PriorityRead, Session: "other", Bucket: BucketAll}
		if _, err := l.Call(t.Context(), other, s.call); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var limited *LimitedError
		for _, want := range []struct {
			turn   Turn
			reason Reason
		}{{mine, ReasonShare}, {other, ReasonBudget}} {
			_, err := l.Call(t.Context(), want.turn, s.call)
			if !errors.As(err, &limited) || limited.Reason != want.reason || limited.RetryAfter < time.Second {
				t.Errorf("got %v, want %s", err, want.reason)
			}
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the rejections took %v", took)
		}
		if s.count() != 4 {
			t.Errorf("%d calls", s.count())
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if _, err := l.Call(ctx, mine, s.call); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one that left got %v", err)
		}
		time.Sleep(12 * time.Second)
		for range 4 {
			if _, err := l.Call(t.Context(), other, s.call); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestGate closes the gate of three replicas, and looks who opens it.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, s := newLedger(), &spotify{delay: 100 * time.Millisecond}
		var replicas []*Limiter
		for range 3 {
			replicas = append(replicas, newTestLimiter(t, ledger, LimiterConfig{Wait: 2 * time.Second}))
		}
		call := func(i int) error {
			_, err := replicas[i].Call(t.Context(), read, s.call)
			return err
		}
		for i := range 3 {
			if err := call(i); err != nil {
				t.Fatal(err)
			}
		}
		s.next = func() *http.Response { return answer(http.StatusTooManyRequests, "", "Retry-After: 20") }
		_ = call(0)
		synctest.Wait()
		for _, l := range replicas { // as news does
			l.Heard(BucketAll)
		}
		synctest.Wait()
		for i := range 3 {
			var limited *LimitedError
			if err := call(i); !errors.As(err, &limited) || limited.RetryAfter > 20*time.Second || limited.RetryAfter < 18*time.Second {
				t.Errorf("replica %d answered %v", i, err)
			}
		}
		if s.count() != 4 {
			t.Errorf("%d calls, want none while the gate is closed", s.count())
		}
		s.next = nil
		time.Sleep(19 * time.Second) // it opens within the time that a call waits
		before := s.count()
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				if err := call(i % 3); err != nil {
					t.Errorf("when it opened: %v", err)
				}
			})
		}
		group.Wait()
		if got := s.count() - before; got != 30 {
			t.Errorf("%d calls when it opened", got)
		}
		times := s.times[before:]
		if gap := times[1].Sub(times[0]); gap < 100*time.Millisecond {
			t.Errorf("the second call left %v after the first, whose answer takes 100 ms", gap)
		}
	})
}

// TestGateWithoutWaiting asks again when the time of a gate has run, for calls that do not wait: the first one finds it open.
func TestGateWithoutWaiting(t *testing.T) {
	for name, turn := range map[string]Turn{"read": read, "write": {Priority: PriorityWrite, Bucket: BucketAll}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ledger, s := newLedger(), &spotify{}
				one, other := newTestLimiter(t, ledger, LimiterConfig{}), newTestLimiter(t, ledger, LimiterConfig{})
				s.next = func() *http.Response { return answer(http.StatusTooManyRequests, "", "Retry-After: 3") }
				_, _ = one.Call(t.Context(), read, s.call)
				synctest.Wait()
				other.Heard(BucketAll) // as news does
				synctest.Wait()
				s.next = nil
				for _, l := range []*Limiter{one, other} {
					if _, err := l.Call(t.Context(), turn, s.call); err == nil {
						t.Error("a call left while the gate was closed")
					}
				}
				time.Sleep(3 * time.Second)
				for _, l := range []*Limiter{other, one} {
					if _, err := l.Call(t.Context(), turn, s.call); err != nil {
						t.Errorf("when the time had run: %v", err)
					}
					synctest.Wait()
					one.Heard(BucketAll)
					synctest.Wait()
				}
			})
		})
	}
}

// TestGuesses closes the gate by answers that do not say for how long.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, line := range []string{"X: none", "Retry-After: 0", "Retry-After: soon", "Retry-After: -3"} {
			ledger := newLedger()
			l := newTestLimiter(t, ledger, LimiterConfig{})
			s := &spotify{next: func() *http.Response { return answer(http.StatusTooManyRequests, "", line) }}
			var gaps []time.Duration
			for range 7 {
				for s.count() == len(gaps) {
					_, _ = l.Call(t.Context(), read, s.call)
					time.Sleep(10 * time.Millisecond)
				}
				left, _ := l.GateLeft(BucketAll)
				gaps = append(gaps, left.Round(time.Second))
			}
			want := []time.Duration{1, 2, 4, 8, 16, 30, 30}
			for i := range want {
				if gaps[i] != want[i]*time.Second {
					t.Errorf("%q: closed for %v, want %v seconds", line, gaps, want)
					break
				}
			}
		}
	})
}

// TestRetryAfter reads what answers say.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for given, want := range map[string]time.Duration{
		"7": 7 * time.Second, "86400": 24 * time.Hour, "999999": 24 * time.Hour, "": 0, "-1": 0, "soon": 0,
		"Sun, 01 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sun, 01 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {given}}, now); got != want {
			t.Errorf("%q: %v, want %v", given, got, want)
		}
	}
	ahead := http.Header{"Retry-After": {"Sun, 01 Nov 2026 12:05:30 GMT"}, "Date": {"Sun, 01 Nov 2026 12:05:00 GMT"}}
	if got := retryAfter(ahead, now); got != 30*time.Second {
		t.Errorf("a server whose clock is ahead: %v", got)
	}
}

// TestImagesHaveTheirOwnGate checks that a 429 for an image stops images alone.
func TestImagesHaveTheirOwnGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, newLedger(), LimiterConfig{})
		s := &spotify{next: func() *http.Response { return answer(http.StatusTooManyRequests, "", "Retry-After: 60") }}
		image := Turn{Priority: PriorityWrite, Bucket: BucketImages}
		_, _ = l.Call(t.Context(), image, s.call)
		s.next = nil
		if _, err := l.Call(t.Context(), read, s.call); err != nil {
			t.Error(err)
		}
		var limited *LimitedError
		if _, err := l.Call(t.Context(), image, s.call); !errors.As(err, &limited) {
			t.Errorf("an image got %v", err)
		}
	})
}
