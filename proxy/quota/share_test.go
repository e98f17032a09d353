package quota

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSessionBeyondItsShareWaitsFirst has one session ask for all that there is beside seven that ask for less than their
// share, at one replica and at three. Those are never rejected, and the one gets the rest only up to its share.
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
				for n := range 7 { // 9 calls each in a window, which is 63 of 120
					group.Go(func() {
						turn := Turn{Priority: PriorityRead, Session: fmt.Sprint("modest ", n), Bucket: BucketAll}
						for i := n; waitFor(ctx, nil, window/9) == nil; i++ {
							_, err := w.replicas[i%replicas].Call(ctx, turn, w.spotify.call)
							settled := replicas == 1 || time.Since(begun) > 2*window // the replicas know of each other's sessions
							if err != nil && ctx.Err() == nil && settled {
								t.Errorf("a session within its share got %v", err)
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
