package e2e

import (
	"fmt"
	"net/http"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/session/sessiontest"
)

// outage is a way for Redis to be away.
type outage struct {
	name       string
	begin, end func()
	lasts      time.Duration
	// reads tells that Redis still answers what it is asked, and only refuses writes.
	reads bool
}

// gatewayUser is whom the gateways log in to Redis as, so that their password can become wrong.
const gatewayUser = "gateway"

// addGatewayUser makes the user, which Redis forgets when it ends.
func (w *world) addGatewayUser() {
	w.t.Helper()
	if _, err := w.redis.Do("ACL", "SETUSER", gatewayUser, "on", ">secret", "~*", "&*", "+@all"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) outages(r *trial, before *faultproxy.Proxy) []outage {
	redis := func(command ...string) func() {
		return func() {
			if _, err := w.redis.Do(command...); err != nil {
				r.Fatalf("%v: %v", command, err)
			}
		}
	}
	between := func(f faultproxy.Fault) func() { return func() { before.Set(f) } }
	password := func(text string) func() {
		return func() {
			redis("ACL", "SETUSER", gatewayUser, "resetpass", ">"+text)()
			redis("CLIENT", "KILL", "USER", gatewayUser)()
		}
	}
	free, short := between(faultproxy.Fault{}), size(r, 500*time.Millisecond, 5*time.Second)
	return []outage{
		{"frozen", w.redis.Pause, w.redis.Resume, size(r, 2*time.Second, 30*time.Second), false},
		{"killed, restarted with its file", w.redis.Kill, func() {
			w.redis.Start()
			w.addGatewayUser()
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

// redisIsAway breaks Redis in all ways, one after the other, under load.
func redisIsAway(r *trial) {
	fansInAll, requests := size(r, 6, 40), size(r, 5, 10)
	var before *faultproxy.Proxy
	w := newWorld(r, options{replicas: 3, users: fansInAll + 1, pprof: true, prepare: func(w *world) {
		w.addGatewayUser()
		beforeRedis(&before)(w)
		w.store += fmt.Sprintf("\nusername: %s\npassword: secret", gatewayUser)
	}})
	crowd := w.crowd(fansInAll + 1)
	crowd, leaver := crowd[:fansInAll], crowd[fansInAll]
	r.loaded("3 replicas, %d sessions that were just seen, %d requests at once all the time", fansInAll, fansInAll*requests)
	for _, o := range w.outages(r, before) {
		w.awaitWatches(r, leaver)
		w.seeEverywhere(crowd)
		idle := w.replicas[0].footprint()
		o.begin()
		h, refused, most := w.during(o, crowd, requests)
		logout := h.ask(leaver, http.MethodPost, "/auth/logout", "")
		o.end()
		recovery := w.recovery(r, crowd)
		alive := leaver.status().Authenticated
		r.expect("a logout says 503, or it is one", logout == storeAway || logout == "204" && !alive,
			"%s: it said %s, and the session lives is %t", o.name, logout, alive)
		if !alive { // also when Redis carried out afterwards what it was asked in vain
			leaver.login(leaver.user)
		}
		r.expect("sessions just seen go on for up to 10 s", refused == nil, "%s: %v", o.name, refused)
		h.judge(r, o)
		r.expect("goroutines bounded", most < idle.goroutines+8*fansInAll*requests+50, "%s: they went from %d to %d", o.name, idle.goroutines, most)
		r.expect("recovery within 1s", recovery < r.within(time.Second), "%s: it took %v", o.name, recovery)
		r.measure("%s %v: %v, slowest 503 %s, %d → %d goroutines, logout %s, recovery %s", o.name, o.lasts, h,
			seconds(h.longest(storeAway)), idle.goroutines, most, logout, seconds(recovery))
	}
}

// awaitWatches waits until every replica hears of changes again: it forgets its copies when it begins to. Then it asks
// Redis no more for what it has just seen.
func (w *world) awaitWatches(r *trial, f fan) {
	r.Helper()
	const loads = `stagedoor_store_duration_seconds_count{operation="load"}`
	for i, p := range w.replicas {
		w.through(i)
		sessiontest.Eventually(r, 20*time.Second, "the replica watches", func() bool {
			newHistory().me(f)
			before := p.metric(loads)
			newHistory().me(f)
			return p.metric(loads) == before
		})
	}
	w.through(-1)
}

// seeEverywhere lets every replica see every session.
func (w *world) seeEverywhere(crowd []fan) {
	for i := range w.replicas {
		w.through(i)
		newHistory().all(crowd, 1)
	}
	w.through(-1)
}

// during sends load while the outage lasts. Refused are the rounds that had to be served from copies and were not, and
// most is how many goroutines a replica had.
func (w *world) during(o outage, crowd []fan, requests int) (h *history, refused []string, most int) {
	h = newHistory()
	begin := time.Now()
	for most == 0 || time.Since(begin) < o.lasts {
		early := time.Since(begin) < 8*time.Second
		round := newHistory()
		round.all(crowd, requests)
		h.add(round)
		if early && round.count(ok) != round.count() {
			refused = append(refused, fmt.Sprintf("%v after the outage began: %v", time.Since(begin), round))
		}
		most = max(most, w.replicas[0].footprint().goroutines)
	}
	return h, refused, most
}

// add takes over what another history has, which nobody writes any more.
func (h *history) add(other *history) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent += other.sent
	for kind, n := range other.answers {
		h.answers[kind] += n
		h.slowest[kind] = max(h.slowest[kind], other.slowest[kind])
	}
	h.foreign = append(h.foreign, other.foreign...)
	h.unlawful = append(h.unlawful, other.unlawful...)
}

// judge compares the answers during an outage with what is promised.
func (h *history) judge(r *trial, o outage) {
	r.Helper()
	r.expect("200 or 503, never 401", h.count(ok, storeAway, "204") == h.count(), "%s: %v", o.name, h)
	r.expect("503 in under 2 s", h.longest(storeAway) < r.within(2*time.Second), "%s: it took %v", o.name, h.longest(storeAway))
	if o.reads {
		r.expect("who only reads does not notice refused writes", h.count(storeAway) <= 1, "%s: %v", o.name, h)
	}
	h.lawful(r)
}

// recovery returns how long it takes until every replica has Redis back and serves every session.
func (w *world) recovery(r *trial, crowd []fan) time.Duration {
	r.Helper()
	begin := time.Now()
	sessiontest.Eventually(r, 20*time.Second, "every replica serves again", func() bool {
		h := newHistory()
		ready := true
		for i, p := range w.replicas {
			w.through(i)
			h.all(crowd, 1)
			ready = ready && p.ready()
		}
		return ready && h.count(ok) == h.count()
	})
	w.through(-1)
	return time.Since(begin)
}

// ready tells whether the process says that it is: it has asked Redis.
func (p *process) ready() bool {
	response, err := http.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return false
	}
	_ = response.Body.Close() // only its head matters
	return response.StatusCode == http.StatusOK
}

// redisForgets empties Redis under everybody.
func redisForgets(r *trial) {
	sessions := size(r, 5, 50)
	w := newWorld(r, options{replicas: 3, users: sessions})
	crowd := w.crowd(sessions)
	r.loaded("FLUSHALL under %d sessions", sessions)
	w.seeEverywhere(crowd)
	if _, err := w.redis.Do("FLUSHALL"); err != nil {
		r.Fatal(err)
	}
	begin := time.Now()
	h := newHistory()
	sessiontest.Eventually(r, 20*time.Second, "every replica has heard of it", func() bool {
		round := newHistory()
		round.all(crowd, 3)
		h.add(round)
		return round.count(loginRequired) == round.count()
	})
	took := time.Since(begin)
	r.expect("401 LOGIN_REQUIRED from 2 s later on", took < r.within(2*time.Second), "it took %v", took)
	r.expect("nothing else", h.count(ok, loginRequired) == h.count(), "%v", h)
	for _, f := range crowd {
		f.login(f.user)
	}
	after := newHistory()
	after.all(crowd, 3)
	r.expect("one login cures", after.count(ok) == after.count(), "%v", after)
	r.measure("%v, all of them %s after FLUSHALL, a round of requests included; after the logins %v", h, seconds(took), after)
	h.lawful(r)
}
