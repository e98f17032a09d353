package fault

import (
	"fmt"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// sentinelFailover kills the master that two Redis servers and a sentinel know.
func sentinelFailover(r *trial) {
	const master = "stage"
	sessions := size(r, 5, 40)
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: sessions, Prepare: func(w *stage.World) {
		replica := sessiontest.StartRedis(r)
		sentinel := sessiontest.StartSentinel(r, master, w.Redis, replica)
		w.Store = fmt.Sprintf("addresses: [%q]\nsentinel_master: %s", sentinel.Addr(), master)
	}})
	crowd := w.Crowd(sessions)
	r.loaded("3 replicas, %d sessions with %d requests at once; the master is killed, its replica takes over", sessions, 4*sessions)
	seeEverywhere(w, crowd)
	h := stage.NewHistory()
	stop := make(chan struct{})
	var group sync.WaitGroup
	for _, f := range crowd {
		for range 4 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						h.Me(f)
					}
				}
			})
		}
	}
	killed := time.Now()
	w.Redis.Kill()
	var first, last time.Time // when a replica said that it has no Redis
	sessiontest.Eventually(r, 30*time.Second, "there is a new master", func() bool {
		if !w.Replicas[0].Ready() {
			last = time.Now()
			if first.IsZero() {
				first = last
			}
		}
		return !first.IsZero() && time.Since(last) > 2*time.Second
	})
	close(stop)
	group.Wait()
	r.expect("200 or 503, never 401", h.Count(stage.OK, stage.StoreAway) == h.Count(), "%v", h)
	goOnEventually(r, 20*time.Second, crowd)
	begin := time.Now()
	crowd[0].Login(crowd[0].User) // needs a master that takes writes
	r.measure("%v; without Redis from %s to %s after the kill; a login afterwards takes %s; sessions lost: 0 of %d", h,
		seconds(first.Sub(killed)), seconds(last.Sub(killed)), seconds(time.Since(begin)), sessions)
	lawful(h, r)
}
