package fault

import (
	"fmt"
	"net/http"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// outage is a way for Redis to be down.
type outage struct {
	name       string
	begin, end func()
	lasts      time.Duration
	// reads tells that Redis still answers what it is asked, and only refuses writes.
	reads bool
}

// addGatewayUser makes the user, which Redis forgets when it ends.
func addGatewayUser(w *stage.World) {
	w.T.Helper()
	if _, err := w.Redis.Do("ACL", "SETUSER", stage.GatewayUser, "on", ">secret", "~*", "&*", "+@all"); err != nil {
		w.T.Fatal(err)
	}
}

func outages(w *stage.World, r *trial, before *faultproxy.Proxy) []outage {
	redis := func(command ...string) func() {
		return func() {
			if _, err := w.Redis.Do(command...); err != nil {
				r.Fatalf("%v: %v", command, err)
			}
		}
	}
	between := func(f faultproxy.Fault) func() { return func() { before.Set(f) } }
	password := func(text string) func() {
		return func() {
			redis("ACL", "SETUSER", stage.GatewayUser, "resetpass", ">"+text)()
			redis("CLIENT", "KILL", "USER", stage.GatewayUser)()
		}
	}
	free, short := between(faultproxy.Fault{}), size(r, 500*time.Millisecond, 5*time.Second)
	return []outage{
		{"frozen", w.Redis.Pause, w.Redis.Resume, size(r, 2*time.Second, 30*time.Second), false},
		{"killed, restarted with its file", w.Redis.Kill, func() {
			w.Redis.Start()
			addGatewayUser(w)
		}, short, false},
		{"refused", between(faultproxy.Fault{Refuse: true}), free, short, false},
		{"0.5 s latency", between(faultproxy.Fault{Latency: 500 * time.Millisecond}), free, short, false},
		{"one byte a second", between(faultproxy.Fault{Drip: time.Second}), free, short, false},
		{"cut in mid-reply", between(faultproxy.Fault{CutAfter: 3}), free, short, false},
		{"LOADING", between(faultproxy.Fault{Reply: "-LOADING Redis is loading the dataset in memory\r\n"}), free, short, false},
		{"wrong password", password("another"), password("secret"), short, false},
		{"OOM", redis("CONFIG", "SET", "maxmemory", "1"), redis("CONFIG", "SET", "maxmemory", "0"), short, true},
		{"READONLY", redis("REPLICAOF", "127.0.0.1", "1"), redis("REPLICAOF", "NO", "ONE"), short, true},
	}
}

// redisIsDown breaks Redis in all ways, one after the other, under load.
func redisIsDown(r *trial) {
	fansInAll, requests := size(r, 6, 40), size(r, 5, 10)
	var before *faultproxy.Proxy
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: fansInAll + 1, Pprof: true, Prepare: func(w *stage.World) {
		addGatewayUser(w)
		stage.BeforeRedis(&before)(w)
		w.Store += fmt.Sprintf("\nusername: %s\npassword: secret", stage.GatewayUser)
	}})
	crowd := w.Crowd(fansInAll + 1)
	crowd, leaver := crowd[:fansInAll], crowd[fansInAll]
	r.loaded("3 replicas, %d sessions that were just seen, %d requests at once all the time", fansInAll, fansInAll*requests)
	for _, o := range outages(w, r, before) {
		awaitWatches(w, r, leaver)
		seeEverywhere(w, crowd)
		idle := w.Replicas[0].Footprint()
		o.begin()
		h, refused, most := during(w, o, crowd, requests)
		logout := h.Ask(leaver, http.MethodPost, "/auth/logout", "")
		o.end()
		recovery := recovery(w, r, crowd)
		alive := leaver.Status().Authenticated
		r.expect("a logout says 503, or it is one", logout == stage.StoreAway || logout == "204" && !alive,
			"%s: it said %s, and the session lives is %t", o.name, logout, alive)
		if !alive { // also when Redis carried out afterwards what it was asked in vain
			leaver.Login(leaver.User)
		}
		r.expect("sessions just seen go on for up to 10 s", refused == nil, "%s: %v", o.name, refused)
		check(h, r, o)
		r.expect("goroutines bounded", most < idle.Goroutines+8*fansInAll*requests+50, "%s: they went from %d to %d", o.name, idle.Goroutines, most)
		r.expect("recovery within 1s", recovery < r.within(time.Second), "%s: it took %v", o.name, recovery)
		r.measure("%s %v: %v, slowest 503 %s, %d → %d goroutines, logout %s, recovery %s", o.name, o.lasts, h,
			seconds(h.Longest(stage.StoreAway)), idle.Goroutines, most, logout, seconds(recovery))
	}
}

// awaitWatches waits until every replica hears of changes again: it forgets its copies when it begins to. Then it asks
// Redis no more for what it has just seen.
func awaitWatches(w *stage.World, r *trial, f stage.Fan) {
	r.Helper()
	const loads = `stagedoor_store_duration_seconds_count{operation="load"}`
	for i, p := range w.Replicas {
		w.Through(i)
		sessiontest.Eventually(r, 20*time.Second, "the replica watches", func() bool {
			stage.NewHistory().Me(f)
			before := p.Metric(loads)
			stage.NewHistory().Me(f)
			return p.Metric(loads) == before
		})
	}
	w.Through(-1)
}

// seeEverywhere lets every replica see every session.
func seeEverywhere(w *stage.World, crowd []stage.Fan) {
	for i := range w.Replicas {
		w.Through(i)
		stage.NewHistory().All(crowd, 1)
	}
	w.Through(-1)
}

// during sends load while the outage lasts. Refused are the rounds that had to be served from copies and were not, and
// most is how many goroutines a replica had.
func during(w *stage.World, o outage, crowd []stage.Fan, requests int) (h *stage.History, refused []string, most int) {
	h = stage.NewHistory()
	begin := time.Now()
	for most == 0 || time.Since(begin) < o.lasts {
		early := time.Since(begin) < 8*time.Second
		round := stage.NewHistory()
		round.All(crowd, requests)
		add(h, round)
		if early && round.Count(stage.OK) != round.Count() {
			refused = append(refused, fmt.Sprintf("%v after the outage began: %v", time.Since(begin), round))
		}
		most = max(most, w.Replicas[0].Footprint().Goroutines)
	}
	return h, refused, most
}

// add takes over what another history has, which is not written any more.
func add(h *stage.History, other *stage.History) {
	h.Mu.Lock()
	defer h.Mu.Unlock()
	h.Sent += other.Sent
	for kind, n := range other.Answers {
		h.Answers[kind] += n
		h.Slowest[kind] = max(h.Slowest[kind], other.Slowest[kind])
	}
	h.Foreign = append(h.Foreign, other.Foreign...)
	h.Unlawful = append(h.Unlawful, other.Unlawful...)
}

// check compares the answers during an outage with what is promised.
func check(h *stage.History, r *trial, o outage) {
	r.Helper()
	r.expect("200 or 503, never 401", h.Count(stage.OK, stage.StoreAway, "204") == h.Count(), "%s: %v", o.name, h)
	r.expect("503 in under 2 s", h.Longest(stage.StoreAway) < r.within(2*time.Second), "%s: it took %v", o.name, h.Longest(stage.StoreAway))
	if o.reads {
		r.expect("who only reads does not notice refused writes", h.Count(stage.StoreAway) <= 1, "%s: %v", o.name, h)
	}
	lawful(h, r)
}

// recovery returns how long it takes until every replica has Redis back and serves every session.
func recovery(w *stage.World, r *trial, crowd []stage.Fan) time.Duration {
	r.Helper()
	begin := time.Now()
	sessiontest.Eventually(r, 20*time.Second, "every replica serves again", func() bool {
		h := stage.NewHistory()
		ready := true
		for i, p := range w.Replicas {
			w.Through(i)
			h.All(crowd, 1)
			ready = ready && p.Ready()
		}
		return ready && h.Count(stage.OK) == h.Count()
	})
	w.Through(-1)
	return time.Since(begin)
}

// redisForgets empties Redis under everybody.
func redisForgets(r *trial) {
	sessions := size(r, 5, 50)
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: sessions})
	crowd := w.Crowd(sessions)
	r.loaded("FLUSHALL under %d sessions", sessions)
	seeEverywhere(w, crowd)
	if _, err := w.Redis.Do("FLUSHALL"); err != nil {
		r.Fatal(err)
	}
	begin := time.Now()
	h := stage.NewHistory()
	sessiontest.Eventually(r, 20*time.Second, "every replica has heard of it", func() bool {
		round := stage.NewHistory()
		round.All(crowd, 3)
		add(h, round)
		return round.Count(stage.LoginRequired) == round.Count()
	})
	took := time.Since(begin)
	r.expect("401 LOGIN_REQUIRED from 2 s later on", took < r.within(2*time.Second), "it took %v", took)
	r.expect("nothing else", h.Count(stage.OK, stage.LoginRequired) == h.Count(), "%v", h)
	for _, f := range crowd {
		f.Login(f.User)
	}
	after := stage.NewHistory()
	after.All(crowd, 3)
	r.expect("one login cures", after.Count(stage.OK) == after.Count(), "%v", after)
	r.measure("%v, all of them %s after FLUSHALL, a round of requests included; after the logins %v", h, seconds(took), after)
	lawful(h, r)
}
