package quota

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// slowLedger takes a time to ask and as long again to answer about gates.
type slowLedger struct {
	*Memory
	way time.Duration
}

func (s slowLedger) Check(ctx context.Context, bucket Bucket, holder string) (GateState, error) {
	if err := s.travel(ctx); err != nil {
		return GateState{}, err
	}
	state, _ := s.Memory.Check(ctx, bucket, holder)
	return state, s.travel(ctx)
}

func (s slowLedger) Shut(ctx context.Context, bucket Bucket, left time.Duration, reason Reason) (GateState, error) {
	if err := s.travel(ctx); err != nil {
		return GateState{}, err
	}
	state, _ := s.Memory.Shut(ctx, bucket, left, reason)
	return state, s.travel(ctx)
}

func (s slowLedger) Open(ctx context.Context, bucket Bucket) error {
	if err := s.travel(ctx); err != nil {
		return err
	}
	_ = s.Memory.Open(ctx, bucket)
	return s.travel(ctx)
}

func (s slowLedger) travel(ctx context.Context) error { return waitFor(ctx, nil, s.way) }

func newSlowLimiter(t *testing.T, memory *Memory, way time.Duration) *Limiter {
	ledger := slowLedger{memory, way}
	l := NewLimiter(LimiterOptions{Gates: ledger, Allowance: ledger, Now: time.Now})
	l.Lost()
	t.Cleanup(l.Close)
	return l
}

// limitedFor answers a call with 429.
func limitedFor(seconds int) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return answer(http.StatusTooManyRequests, "", fmt.Sprint("Retry-After: ", seconds)), nil
	}
}

// TestSlowLedgerWithoutNews closes a gate on another replica while no news comes: a call waits for the ledger's answer, however
// slow, rather than leave on what was known a minute ago.
func TestSlowLedgerWithoutNews(t *testing.T) {
	for _, way := range []time.Duration{5 * time.Millisecond, 75 * time.Millisecond, 400 * time.Millisecond} {
		t.Run(way.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory, s := NewMemory(time.Now), &spotify{}
				one, other := newSlowLimiter(t, memory, way), newSlowLimiter(t, memory, way)
				if _, err := other.Call(t.Context(), read, s.call); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				_, _ = one.Call(t.Context(), read, limitedFor(30))
				time.Sleep(way) // the ledger knows
				if _, err := other.Call(t.Context(), read, s.call); err == nil {
					t.Error("a call left")
				}
			})
		})
	}
}

// TestLedgerAwayDelaysLittle has the ledger not answer while no news comes: one request waits until that is known, and those after
// it a tenth of a second at most.
func TestLedgerAwayDelaysLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spotify{}
		l := newSlowLimiter(t, NewMemory(time.Now), time.Hour)
		for i, most := range []time.Duration{checkTime, newsLostCheck, newsLostCheck} {
			begun := time.Now()
			if _, err := l.Call(t.Context(), read, s.call); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > most {
				t.Errorf("call %d waited %v, want %v at most", i, took, most)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestAnswerOlderThanA429 has the ledger's answers come after a 429 that they do not know of.
func TestAnswerOlderThanA429(t *testing.T) {
	const way = 100 * time.Millisecond
	for name, begin := range map[string]func(l *Limiter, s *spotify){
		"the gate was asked for": func(l *Limiter, _ *spotify) { l.Heard(BucketAll) },
		"the gate was opened": func(l *Limiter, s *spotify) {
			_, _ = l.Call(context.Background(), read, limitedFor(1))
			time.Sleep(2 * time.Second)
			_, _ = l.Call(context.Background(), read, s.call)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &spotify{}
				l := newSlowLimiter(t, NewMemory(time.Now), way)
				_, _ = l.Call(t.Context(), read, s.call)
				begin(l, s)
				time.Sleep(way - 10*time.Millisecond)
				if _, err := l.Call(t.Context(), read, limitedFor(1)); err != nil {
					t.Fatal(err)
				}
				for begun := time.Now(); time.Since(begun) < 900*time.Millisecond; time.Sleep(10 * time.Millisecond) {
					if left, _ := l.GateLeft(BucketAll); left == 0 {
						t.Fatalf("the gate is open %v after the 429", time.Since(begun))
					}
				}
			})
		})
	}
}
