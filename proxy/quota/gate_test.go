package quota

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// closeGate has a call be rejected for a second, and lets both replicas hear of it.
func closeGate(t *testing.T, one, other *Limiter) {
	_, _ = one.Call(t.Context(), Turn{Priority: PriorityWrite, Bucket: BucketAll}, func() (*http.Response, error) {
		return answer(http.StatusTooManyRequests, "", "Retry-After: 1"), nil
	})
	synctest.Wait()
	other.Heard(BucketAll)
	synctest.Wait()
	time.Sleep(time.Second)
}

// TestFirstCallWithoutAnAnswer has the call that goes first fail: another replica need not wait for its time to run out.
func TestFirstCallWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, s := newLedger(), &spotify{}
		one, other := newTestLimiter(t, ledger, LimiterConfig{Wait: time.Second}), newTestLimiter(t, ledger, LimiterConfig{Wait: time.Second})
		closeGate(t, one, other)
		broken := errors.New("connection refused")
		if _, err := one.Call(t.Context(), read, func() (*http.Response, error) { return nil, broken }); !errors.Is(err, broken) {
			t.Fatalf("the first call: %v", err)
		}
		synctest.Wait()
		begun := time.Now()
		if _, err := other.Call(t.Context(), read, s.call); err != nil {
			t.Errorf("the other replica's call: %v", err)
		}
		if took := time.Since(begun); took > probeCheck {
			t.Errorf("it waited %v", took)
		}
	})
}

// TestLongFirstCall has the call that goes first take 20 s: no other replica makes one meanwhile.
func TestLongFirstCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newLedger()
		one, other := newTestLimiter(t, ledger, LimiterConfig{Wait: time.Minute}), newTestLimiter(t, ledger, LimiterConfig{Wait: time.Minute})
		closeGate(t, one, other)
		begun := time.Now()
		first := make(chan struct{})
		go func() {
			_, _ = one.Call(t.Context(), read, func() (*http.Response, error) {
				close(first)
				time.Sleep(20 * time.Second)
				return answer(http.StatusOK, ""), nil
			})
			synctest.Wait()
			other.Heard(BucketAll)
		}()
		<-first
		if _, err := other.Call(t.Context(), read, func() (*http.Response, error) { return answer(http.StatusOK, ""), nil }); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took < 20*time.Second || took > 21*time.Second {
			t.Errorf("the second call left after %v", took)
		}
	})
}

// TestOpeningIsPaced opens the gate under many sessions for which something stale is kept: they are served at once, and
// renewed a few at a time, all of them within some seconds. What has nothing kept does not wait.
func TestOpeningIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sessions = 300
		var calls, second atomic.Int64
		var limited atomic.Bool
		l := newTestLimiter(t, newLedger(), LimiterConfig{Wait: time.Second, Window: 30 * time.Second, UserShare: 1})
		c := newTestCache()
		c.Scarce = l.Scarce
		send := func(ctx context.Context, _ http.Header, turn Turn) (*http.Response, error) {
			return l.Call(ctx, turn, func() (*http.Response, error) {
				calls.Add(1)
				second.Add(1)
				if limited.Load() {
					return answer(http.StatusTooManyRequests, "", "Retry-After: 5"), nil
				}
				return answer(http.StatusOK, "x"), nil
			})
		}
		for i := range sessions {
			do(t, c, ask(fmt.Sprint(i), "/x"), send)
		}
		limited.Store(true)
		do(t, c, ask("new", "/x"), send)
		limited.Store(false)
		time.Sleep(5 * time.Second)
		calls.Store(0)
		most := int64(0)
		for round := range 200 {
			if round%10 == 0 {
				second.Store(0)
			}
			for i := range sessions {
				if got := do(t, c, ask(fmt.Sprint(i), "/x"), send); got != "stale 200 x" && got != "miss 200 x" && got != "joined 200 x" {
					t.Fatalf("session %d got %s", i, got)
				}
			}
			if round < 10 {
				most = max(most, second.Load())
			}
			time.Sleep(100 * time.Millisecond)
			if round == 15 {
				if got := do(t, c, ask("another", "/x"), send); got != "miss 200 x" {
					t.Errorf("what has nothing kept got %s", got)
				}
			}
		}
		if most > 40 {
			t.Errorf("%d calls left in the first second", most)
		}
		if calls.Load() < 3*sessions {
			t.Errorf("%d calls in 20 s, for %d sessions", calls.Load(), sessions)
		}
	})
}
