package quota

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// setWall is a time as it is read after the wall clock was set forward by so much, which may be negative; the monotonic clock
// is what it was. Only package time makes such times, so it changes what package time keeps in the first word: whole seconds
// from bit 30 on.
func setWall(at time.Time, by time.Duration) time.Time {
	*(*uint64)(unsafe.Pointer(&at)) += uint64(by/time.Second) << 30
	return at
}

// clock is a replica's in a bubble of package synctest, which has no monotonic times of its own: those of a time from outside
// go on. Its wall clock is set once.
func clock(outside time.Time, before, after, setAfter time.Duration) func() time.Time {
	begun := time.Now()
	return func() time.Time {
		passed := time.Since(begun)
		if passed < setAfter {
			return setWall(outside.Add(passed), before)
		}
		return setWall(outside.Add(passed), after)
	}
}

func TestSetWall(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		if set := setWall(now, by); set.Sub(now) != 0 || set.Round(0).Sub(now.Round(0)) != by {
			t.Errorf("set by %v, the clock differs by %v and by its wall by %v", by, set.Sub(now), set.Round(0).Sub(now.Round(0)))
		}
	}
}

// TestWallClockDoesNotMatter has replicas whose wall clocks are five minutes apart, and are set while the budget runs and while
// the gate is closed. There are as many calls as with clocks that agree, and never more in a window.
func TestWallClockDoesNotMatter(t *testing.T) {
	const calls, window = 24, 10 * time.Second
	outside := time.Now()
	for name, walls := range map[string][2][3]time.Duration{ // of the replicas, in the first half and in the second
		"agree":       {},
		"differ":      {{5 * time.Minute, 0, -5 * time.Minute}, {5 * time.Minute, 0, -5 * time.Minute}},
		"set forward": {{}, {5 * time.Minute, 5 * time.Minute, 5 * time.Minute}},
		"set back":    {{}, {-5 * time.Minute, -5 * time.Minute, -5 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{shared: &sharedLedger{Memory: NewMemory(time.Now)}, spotify: &spotify{delay: 50 * time.Millisecond}}
				for i := range 3 {
					w.add(t, LimiterConfig{Calls: calls, Window: window, UserShare: 1, Wait: time.Second}, clock(outside, walls[0][i], walls[1][i], 4*window))
				}
				ctx, cancel := context.WithTimeout(t.Context(), 8*window)
				defer cancel()
				var group sync.WaitGroup
				for i := range w.replicas {
					w.load(ctx, &group, i, 4, 500*time.Millisecond)
				}
				group.Wait()
				if most := w.spotify.most(window); most > calls {
					t.Errorf("%d calls in a window", most)
				}
				if all := w.spotify.count(); all < 8*calls*7/10 {
					t.Errorf("only %d calls in 8 windows of %d", all, calls)
				}
				shutWhileSet(t, outside, walls)
			})
		})
	}
}

// shutWhileSet closes the gate for ten seconds, sets the clocks after five, and looks when calls leave again.
func shutWhileSet(t *testing.T, outside time.Time, walls [2][3]time.Duration) {
	t.Helper()
	shared := &sharedLedger{Memory: NewMemory(time.Now)}
	var limiters []*Limiter
	for i := range 3 {
		ledger := &replicaLedger{sharedLedger: shared}
		l := NewLimiter(LimiterOptions{Gates: ledger, Allowance: ledger, Now: clock(outside, walls[0][i], walls[1][i], 5*time.Second)})
		t.Cleanup(l.Close)
		limiters = append(limiters, l)
	}
	_, _ = limiters[0].Call(t.Context(), read, func() (*http.Response, error) {
		return answer(http.StatusTooManyRequests, "", "Retry-After: 10"), nil
	})
	synctest.Wait()
	for _, l := range limiters[1:] {
		l.Heard(BucketAll)
	}
	synctest.Wait()
	for left := 10 * time.Second; left > 0; left -= time.Second {
		for i, l := range limiters {
			if got, _ := l.GateLeft(BucketAll); got != left {
				t.Errorf("%v before the end, the gate of replica %d has %v left", left, i, got)
			}
		}
		time.Sleep(time.Second)
	}
}
