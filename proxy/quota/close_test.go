package quota

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// drawLog takes a second for a draw, and remembers all of them.
type drawLog struct {
	*Memory
	mu    sync.Mutex
	draws []Draw
}

func (s *drawLog) Draw(ctx context.Context, d Draw) (Grant, error) {
	s.mu.Lock()
	s.draws = append(s.draws, d)
	s.mu.Unlock()
	time.Sleep(time.Second)
	return s.Memory.Draw(ctx, d)
}

func (s *drawLog) all() []Draw {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.draws)
}

// TestCloseDrawsLast closes a limiter while renewals wait for more calls, and timers draw them: once it is closing it makes only
// the draw that gives all back.
func TestCloseDrawsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &drawLog{Memory: NewMemory(time.Now)}
		l := NewLimiter(LimiterOptions{Config: LimiterConfig{Calls: 1, Window: 5 * time.Second, UserShare: 1}, Gates: ledger, Allowance: ledger, Now: time.Now})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := &spotify{}
		var renewals sync.WaitGroup
		for range 5 {
			renewals.Go(func() { _, _ = l.Call(ctx, Turn{Bucket: BucketAll, Priority: PriorityLow, Patient: true}, s.call) })
			renewals.Go(func() { _, _ = l.Call(ctx, read, s.call) })
		}
		time.Sleep(3750 * time.Millisecond) // no draw begins just now
		synctest.Wait()
		before := len(ledger.all())
		l.Close()
		renewals.Wait()
		if after := ledger.all()[before:]; len(after) != 1 || !after[0].Leaving {
			t.Errorf("from its Close on, the limiter has drawn %+v; want only that it is leaving", after)
		}
	})
}
