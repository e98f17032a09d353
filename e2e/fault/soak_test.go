package fault

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// mixedLoad reads, logs out and in, and lets tokens end, while every tenth request meets a fault. Afterwards everything
// has to be as it was.
func mixedLoad(r *trial) {
	lasts, workers := size(r, 4*time.Second, *faultsSoak), size(r, 6, 24)
	var before *faultproxy.Proxy
	w := stage.NewWorld(r, stage.Options{
		Replicas: 3, Users: workers, Pprof: true, Prepare: stage.BeforeRedis(&before), Spotify: "token_timeout: 1s",
		TokenLifetime: size(r, 6*time.Second, 20*time.Second), Session: "refresh_before: 3s",
	})
	crowd := w.Crowd(workers)
	r.loaded("3 replicas, %d clients for %v; every 10th request meets a fault of the Web API, the token endpoint or Redis", workers, lasts)
	stage.NewHistory().All(crowd, 20) // connections and buffers of a normal day
	var idle []stage.Footprint
	for _, p := range w.Replicas {
		idle = append(idle, p.Footprint())
	}
	h := stage.NewHistory()
	var group sync.WaitGroup
	begin := time.Now()
	for _, f := range crowd {
		group.Go(func() {
			for time.Since(begin) < lasts {
				if rand.N(10) == 0 {
					mishap(w, before)
				}
				h.Me(f)
			}
		})
	}
	group.Wait()
	w.Spotify.ClearFaults()
	before.Set(faultproxy.Fault{})
	goOnEventually(r, 40*time.Second, crowd)
	r.expect("no session ends", h.Count(stage.LoginRequired, stage.Reauthorize) == 0, "%v", h)
	lawful(h, r)
	for i, p := range w.Replicas {
		sessiontest.Eventually(r, 100*time.Second, "goroutines and descriptors are as before", func() bool {
			now := p.Footprint()
			return now.Goroutines <= idle[i].Goroutines+20 && now.Descriptors <= idle[i].Descriptors+20
		})
		now := p.Footprint()
		r.expect("goroutines, descriptors and memory return", now.ResidentMiB <= idle[i].ResidentMiB+192, "%v became %v", idle[i], now)
		r.measure("replica %d: %v → %v", i+1, idle[i], now)
	}
	for _, f := range crowd {
		if kind := h.Ask(f, http.MethodPost, "/auth/logout", ""); kind != "204" {
			r.Errorf("the logout of %s was answered %s", f.User, kind)
		}
	}
	sessiontest.Eventually(r, 20*time.Second, "every lease is given back, which comes behind the answers", func() bool {
		return len(w.LeaseKeys()) == 0
	})
	left := w.Keys("stagedoor:{session:*")
	r.expect("no keys are left after the logouts", len(left) == 0, "%v are", left)
	r.measure("%v", h)
}

// mishap lets something go wrong for a moment.
func mishap(w *stage.World, before *faultproxy.Proxy) {
	switch rand.N(100) { // refreshes are rare, and Redis is everybody's
	case 0, 1:
		kinds := []string{"token-500", "token-reset", "token-html", "token-truncated"}
		transient(w, kinds[rand.N(len(kinds))])
	case 2, 3:
		kinds := []faultproxy.Fault{{Refuse: true}, {Latency: 100 * time.Millisecond}, {CutAfter: 2}, {HoldAnswers: true}}
		before.Set(kinds[rand.N(len(kinds))])
		time.AfterFunc(200*time.Millisecond, func() { before.Set(faultproxy.Fault{}) })
	default:
		kinds := []string{"api-500", "api-reset", "api-503", "api-spurious-401", "api-bare-401"}
		transient(w, kinds[rand.N(len(kinds))])
	}
}

// transient puts a fault into force for one request, or for a second if none comes.
func transient(w *stage.World, name string) {
	id := w.Preset(name, func(f *simulator.Fault) { f.Times = 1 })
	time.AfterFunc(time.Second, func() { w.Spotify.ClearFault(id) })
}
