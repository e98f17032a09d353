package quota

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSessionBeyondItsShareWaitsFirst has one session ask for all that there is beside seven that ask for less than their
// share, at one replica and at three. Those are not rejected, or hardly ever by one of three; the one gets the rest only up to its
// share.
func TestSessionBeyondItsShareWaitsFirst(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprint(replicas, " replicas"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls, window, share = 120, 30 * time.Second, 0.25
				w := newWorld(t, replicas, LimiterConfig{Calls: calls, Window: window, UserShare: share, Wait: 2 * time.Second})
				ctx, cancel := context.WithTimeout(t.Context(), 6*window)
				defer cancel()
				begun := time.Now()
				var group sync.WaitGroup
				var asked, refused atomic.Int64 // calls within their share, once the replicas know of each other's sessions
				for n := range 7 {              // 9 calls each in a window, which is 63 of 120
					group.Go(func() {
						turn := Turn{Priority: PriorityRead, Session: fmt.Sprint("modest ", n), Bucket: BucketAll}
						for i := n; waitFor(ctx, nil, window/9) == nil; i++ {
							_, err := w.replicas[i%replicas].Call(ctx, turn, w.spotify.call)
							if settled := replicas == 1 || time.Since(begun) > 2*window; settled && ctx.Err() == nil {
								asked.Add(1)
								if err != nil {
									refused.Add(1)
								}
							}
						}
					})
				}
				time.Sleep(window / 3) // all others have asked
				greedy := &spotify{}
				for n := range 12 {
					group.Go(func() {
						turn := Turn{Priority: PriorityRead, Session: "greedy", Bucket: BucketAll}
						for i := n; waitFor(ctx, nil, 200*time.Millisecond) == nil; i++ {
							_, _ = w.replicas[i%replicas].Call(ctx, turn, func() (*http.Response, error) {
								_, _ = greedy.call()
								return w.spotify.call()
							})
						}
					})
				}
				group.Wait()
				few := int64(0)
				if replicas > 1 { // what one holds comes to another within an eighth of a window, which is longer than a call waits
					few = asked.Load() / 20
				}
				if refused.Load() > few {
					t.Errorf("of %d calls of sessions within their share %d were refused, want at most %d", asked.Load(), refused.Load(), few)
				}
				most := int(share * calls)
				if replicas > 1 { // what each makes before it hears of the others'
					most += calls / 8 * (replicas - 1)
				}
				if got := greedy.most(window); got > most || got < most/2 {
					t.Errorf("the greedy session made %d calls in a window, want at most %d", got, most)
				}
				if got := w.spotify.most(window); got > calls {
					t.Errorf("%d calls in a window", got)
				}
				t.Logf("the greedy session made %d calls in a window, all together %d", greedy.most(window), w.spotify.most(window))
			})
		})
	}
}
