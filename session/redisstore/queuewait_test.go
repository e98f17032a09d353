package redisstore

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueueWait has commands wait for a slot, in their order: only a Redis that is silent, or a wait of queuePatience, makes one
// fail.
func TestQueueWait(t *testing.T) {
	const timeout = time.Second
	for _, c := range []struct {
		name   string
		ends   ending
		every  time.Duration // ends one of the commands under way
		others int           // wait before it
		want   error
		after  time.Duration
	}{
		{"others are answered", answered, 100 * time.Millisecond, 40, nil, 4100 * time.Millisecond},
		{"too many others", answered, 100 * time.Millisecond, 500, errQueueFull, queuePatience * timeout},
		{"nothing is heard for a while", answered, 3 * timeout, 0, nil, 3 * timeout},
		{"callers leave", abandoned, 100 * time.Millisecond, 40, nil, 4100 * time.Millisecond},
		{"Redis is silent", unanswered, 100 * time.Millisecond, 100, errQueueFull, 500 * time.Millisecond},
		{"a few are not answered", unanswered, 100 * time.Millisecond, 3, nil, 400 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newCommandQueue(5, timeout)
				for range cap(q.slots) {
					if err := q.enter(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				for range c.others {
					go func() { _ = q.enter(t.Context()) }() // its slot is left below
				}
				synctest.Wait()
				begun := time.Now()
				done := make(chan error, 1)
				go func() { done <- q.enter(t.Context()) }()
				for ended := begun; ; {
					select {
					case err := <-done:
						took := time.Since(begun)
						if !errors.Is(err, c.want) || took < c.after || took > c.after+c.every {
							t.Errorf("after %v: %v; want %v after %v", took, err, c.want, c.after)
						}
						synctest.Wait()
						return
					case <-time.After(time.Until(ended.Add(c.every))):
						ended = ended.Add(c.every)
						q.leave(c.ends)
					}
				}
			})
		})
	}
}
