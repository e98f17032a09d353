package redisstore_test

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// A burst takes as long as it takes, longer than several commands may: nobody in it fails, nor anybody beside it.
func TestRedisBurst(t *testing.T) {
	sessiontest.OnlyLong(t, "the burst takes seven seconds")
	t.Parallel()
	const burst = 2500
	store, proxy := openBehind(t, sessiontest.StartRedis(t), func(c *redisstore.Config) { c.Timeout = 3 * time.Second })
	slots := 10 * runtime.GOMAXPROCS(0)
	const least = 7 * time.Second // that the burst takes
	proxy.Set(faultproxy.Fault{Latency: least * time.Duration(slots) / burst})
	took, failed := loadAtOnce(t, store, burst)
	if failed > 0 {
		t.Errorf("%d of %d commands failed", failed, burst)
	}
	if slices.Max(took) < least {
		t.Errorf("the burst took %v: it was none", slices.Max(took))
	}
}

// A Redis that answers nobody keeps nobody in the queue for longer than one command may take.
func TestRedisBurstOnAHangingServer(t *testing.T) {
	t.Parallel()
	server := sessiontest.StartRedis(t)
	store, proxy := openBehind(t, server, func(c *redisstore.Config) { c.Timeout = 500 * time.Millisecond })
	if err := store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy.Set(faultproxy.Fault{HoldAnswers: true})
	took, failed := loadAtOnce(t, store, 500)
	if failed != 500 || slices.Max(took) > outageTime {
		t.Errorf("%d of 500 failed within %v, want all within %v", failed, slices.Max(took), outageTime)
	}
	proxy.Cut()
	proxy.Set(faultproxy.Fault{})
	sessiontest.Eventually(t, watchTime, "the store works again", func() bool { return store.Ping(t.Context()) == nil })
}

// loadAtOnce looks for so many entries at the same time.
func loadAtOnce(t *testing.T, store *redisstore.Store, count int) (took []time.Duration, failed int) {
	t.Helper()
	took = make([]time.Duration, count)
	var group sync.WaitGroup
	var mu sync.Mutex // guards failed
	for i := range count {
		group.Go(func() {
			begun := time.Now()
			_, err := store.Load(t.Context(), "absent")
			took[i] = time.Since(begun)
			if !errors.Is(err, session.ErrAbsent) {
				mu.Lock()
				defer mu.Unlock()
				failed++
			}
		})
	}
	group.Wait()
	return took, failed
}
