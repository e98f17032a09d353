package quota

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRenewalsLeaveEvenly has many answers renewed all the time, some of which are asked for more, and once in a while a request
// for something new: that never waits for a window.
func TestRenewalsLeaveEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, window = 180, 30 * time.Second
		ledger, s := newLedger(), &spotify{}
		l := newTestLimiter(t, ledger, LimiterConfig{Calls: calls, Window: window, UserShare: 1, Wait: 2 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 5*window)
		defer cancel()
		var renewed [40]int
		for i := range renewed {
			go func() {
				for ctx.Err() == nil {
					asked := new(atomic.Int64)
					asked.Store(1)
					if i < 20 {
						asked.Store(10)
					}
					turn := Turn{Priority: PriorityLow, Patient: true, Bucket: BucketAll, Since: time.Now(), Asked: asked}
					if _, err := l.Call(ctx, turn, s.call); err == nil && time.Since(turn.Since) > 0 {
						renewed[i]++
					}
				}
			}()
		}
		for ctx.Err() == nil {
			time.Sleep(time.Second)
			if begun := time.Now(); ctx.Err() == nil {
				if _, err := l.Call(ctx, read, s.call); err != nil && ctx.Err() == nil {
					t.Errorf("a request for something new after %v: %v", time.Since(begun), err)
				}
			}
		}
		synctest.Wait()
		if most := s.most(window); most > calls {
			t.Errorf("%d calls in one window", most)
		}
		if s.count() < 4*calls {
			t.Errorf("only %d calls in five windows", s.count())
		}
		if renewed[0] < 2*renewed[39] || renewed[39] == 0 {
			t.Errorf("what is asked for most was renewed %d times, the other %d times", renewed[0], renewed[39])
		}
	})
}

// TestNoSecondCallGoesFirst opens a gate under many calls while the first answer takes long.
func TestNoSecondCallGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newLedger()
		l := newTestLimiter(t, ledger, LimiterConfig{Wait: time.Minute, Window: 30 * time.Second})
		_, _ = l.Call(t.Context(), Turn{Priority: PriorityWrite, Bucket: BucketAll}, func() (*http.Response, error) {
			return answer(http.StatusTooManyRequests, "", "Retry-After: 1"), nil
		})
		var out, most atomic.Int64
		answered := make(chan struct{})
		for range 20 {
			go func() {
				_, _ = l.Call(t.Context(), read, func() (*http.Response, error) {
					select {
					case <-answered:
					default:
						most.Store(max(most.Load(), out.Add(1)))
						time.Sleep(4 * time.Second)
						if out.Load() == 1 {
							close(answered)
						}
					}
					return answer(http.StatusOK, ""), nil
				})
			}()
		}
		time.Sleep(10 * time.Second)
		if most.Load() != 1 {
			t.Errorf("%d calls left before the first was answered", most.Load())
		}
	})
}

// TestLedgerThatForgets loses a gate while it is closed, without news and with.
func TestLedgerThatForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newLedger()
		l := newTestLimiter(t, ledger, LimiterConfig{Window: 30 * time.Second})
		limited := func() (*http.Response, error) { return answer(http.StatusTooManyRequests, "", "Retry-After: 60"), nil }
		_, _ = l.Call(t.Context(), read, limited)
		synctest.Wait()
		_ = ledger.Open(t.Context(), BucketAll) // as Redis does that was restarted
		l.Lost()
		time.Sleep(time.Second)
		l.Missed()
		synctest.Wait()
		if left, _ := l.GateLeft(BucketAll); left < 58*time.Second {
			t.Errorf("the gate is closed for %v, want 59 s", left)
		}
		if state, _ := ledger.Check(t.Context(), BucketAll, ""); state.Left < 58*time.Second {
			t.Errorf("the ledger says %+v", state)
		}
	})
}

// TestWithoutNewsACallLooks closes a gate on another replica while no news comes: after a tenth of a second no call leaves.
func TestWithoutNewsACallLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, s := newLedger(), &spotify{}
		l := newTestLimiter(t, ledger, LimiterConfig{Window: 30 * time.Second})
		l.Lost()
		_, _ = l.Call(t.Context(), read, s.call)
		_, _ = ledger.Shut(t.Context(), BucketAll, time.Minute, ReasonRate)
		time.Sleep(time.Second)
		if _, err := l.Call(t.Context(), read, s.call); err == nil {
			t.Error("a call left")
		}
	})
}

// TestUrgentRequestDoesNotJoinARenewal asks for what is being renewed, and must not wait as long as a renewal does.
func TestUrgentRequestDoesNotJoinARenewal(t *testing.T) {
	asked := Turn{Priority: PriorityRead}
	for name, c := range map[string]struct {
		of   Turn
		left bool
		want bool
	}{
		"a renewal that waits":     {Turn{Priority: PriorityLow, Patient: true}, false, false},
		"a prefetch that waits":    {Turn{Priority: PriorityLow}, false, false},
		"a prefetch that has left": {Turn{Priority: PriorityLow}, true, true},
		"an equal one":             {Turn{Priority: PriorityRead}, false, true},
	} {
		f := &flight{turn: c.of}
		f.left.gone.Store(c.left)
		if got := f.serves(asked); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
