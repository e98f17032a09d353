package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/simulator"
)

// TestBudgetIsNeverExceeded lets many clients want more than there is of three replicas, while one of them is killed with
// calls in hand; with -faults=full also while answers and refreshes are slow, and Redis freezes or is away. The simulator's log
// says how many calls there were in any window.
func TestBudgetIsNeverExceeded(t *testing.T) {
	t.Parallel()
	const calls, window = 24, 3 * time.Second
	var before *faultproxy.Proxy
	w := newWorld(t, options{
		replicas: 3, users: 13, spotify: listener, prepare: beforeRedis(&before),
		quota: fmt.Sprintf("calls: %d\nwindow: %v\nwait: 500ms\nuser_share: 1", calls, window),
	})
	crowd := w.crowd(12)
	for name, c := range map[string]struct {
		during func()
		least  int // calls in each window, on average
	}{
		"nothing else": {func() {}, calls * 7 / 10},
		"slow answers": {func() {
			w.fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI}, Linger: 700 * time.Millisecond})
		}, calls / 2},
		"slow refreshes": {func() {
			w.fault(simulator.Fault{Match: simulator.Match{Grant: "refresh_token"}, Delay: 2 * time.Second})
			w.spotify.ExpireAccessTokens()
		}, 1},
		"a replica is killed": {func() {
			w.replicas[2].kill()
			_ = w.replicas[2].wait()
			w.replicas[2].start()
		}, calls / 3},
		"Redis freezes": {func() {
			w.redis.Pause()
			until(t, time.Now().Add(2*time.Second))
			w.redis.Resume()
		}, calls / 3},
		"Redis is away": {func() {
			before.Set(faultproxy.Fault{Refuse: true})
			before.Cut()
			until(t, time.Now().Add(4*time.Second))
			before.Set(faultproxy.Fault{})
		}, calls / 3},
	} {
		if *faultsMode != "full" && name != "a replica is killed" {
			continue // each takes four windows
		}
		t.Run(name, func(t *testing.T) {
			w.spotify.ForgetSeen()
			ctx, cancel := context.WithTimeout(t.Context(), 4*window)
			defer cancel()
			var group sync.WaitGroup
			for n, f := range crowd {
				group.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						if a, err := f.tryAt((n+i)%3, http.MethodGet, fmt.Sprintf("/api/me/tracks?offset=%d&limit=%d", i, n+1)); err == nil && a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
							t.Error("a refusal has no Retry-After")
						}
						select {
						case <-ctx.Done():
						case <-time.After(20 * time.Millisecond):
						}
					}
				})
			}
			until(t, time.Now().Add(window))
			c.during()
			group.Wait()
			w.spotify.ClearFaults()
			most, all := w.mostInWindow(window), len(w.calls(""))
			t.Logf("%d calls in four windows, at most %d in one", all, most)
			if most > calls {
				t.Errorf("%d calls in one window, want at most %d", most, calls)
			}
			if all < 4*c.least {
				t.Errorf("only %d calls in four windows, want %d at least", all, 4*c.least)
			}
		})
	}
}

// TestWhoGoesFirst uses the budget up, lets calls of each kind wait for the next window, and looks in which order they leave.
func TestWhoGoesFirst(t *testing.T) {
	t.Parallel()
	const calls = 8
	w := newWorld(t, options{spotify: listener, users: 3, quota: fmt.Sprintf("calls: %d\nwindow: 4s\nwait: 20s\nuser_share: 1", calls)})
	crowd := w.crowd(2)
	f := crowd[0]
	for i := range calls {
		f.get(fmt.Sprint("/api/me/tracks?offset=", i))
	}
	w.spotify.ForgetSeen()
	var group sync.WaitGroup
	ask := func(kind, method string, headers ...string) {
		for i := range 3 {
			group.Go(func() {
				if a, err := f.try(method, fmt.Sprintf("/api/me/player/%s?device_id=%d", kind, i), "", headers...); err != nil || a.reason() != "" {
					t.Errorf("%s: %s, %v", kind, a.summary(), err)
				}
			})
		}
	}
	ask("low", http.MethodGet, "Priority", "u=6")
	ask("prefetch", http.MethodGet, "Sec-Purpose", "prefetch;prerender")
	ask("read", http.MethodGet, "Priority", "u=1, i")
	ask("write", http.MethodPut)
	group.Wait()
	order := map[string][]int{}
	for i, seen := range w.calls("") {
		for _, kind := range []string{"low", "prefetch", "read", "write"} {
			if (simulator.Match{Path: "/v1/me/player/" + kind}) != (simulator.Match{}) && len(seen.Target) > 14 && seen.Target[14:14+len(kind)] == kind {
				order[kind] = append(order[kind], i)
			}
		}
	}
	// The first to arrive may leave before the others are there.
	if len(order["write"]) != 3 || len(order["read"]) != 3 || len(order["low"])+len(order["prefetch"]) != 6 {
		t.Fatalf("the calls were %v", order)
	}
	if order["write"][2] > order["read"][2] || order["read"][2] > order["low"][2] || order["read"][2] > order["prefetch"][2] {
		t.Errorf("the calls left in the order %v", order)
	}
}

// TestOneSessionCannotTakeAll has one session ask for as much as it can, on all replicas, beside others that ask now and then.
func TestOneSessionCannotTakeAll(t *testing.T) {
	t.Parallel()
	const calls, window = 40, 4 * time.Second
	w := newWorld(t, options{replicas: 3, users: 6, spotify: listener, quota: fmt.Sprintf("calls: %d\nwindow: %v\nwait: 1s\nuser_share: 0.25", calls, window)})
	crowd := w.crowd(6)
	greedy, others := crowd[0], crowd[1:]
	until(t, time.Now().Add(window))
	w.spotify.ForgetSeen()
	ctx, cancel := context.WithTimeout(t.Context(), 4*window)
	defer cancel()
	var (
		group            sync.WaitGroup
		refused, answers atomic.Int64
		said             atomic.Value
	)
	for n, f := range others {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				a, err := f.tryAt(i%3, http.MethodGet, fmt.Sprintf("/api/me/tracks?offset=%d", i))
				if err != nil {
					t.Error(err)
				}
				answers.Add(1)
				if a.status == http.StatusTooManyRequests {
					refused.Add(1)
				}
				<-time.After(window/5 + time.Duration(n)*time.Millisecond)
			}
		})
	}
	<-time.After(500 * time.Millisecond) // the others have asked
	for n := range 12 {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				a, err := greedy.tryAt((n+i)%3, http.MethodGet, fmt.Sprintf("/api/me/albums?offset=%d&limit=%d", i, n+1))
				if err == nil && a.status == http.StatusTooManyRequests {
					said.Store(a.body)
				}
				<-time.After(30 * time.Millisecond)
			}
		})
	}
	group.Wait()
	most := 0
	greeds := w.calls("/v1/me/albums")
	for i := range greeds {
		n := 0
		for _, seen := range greeds[i:] {
			if seen.At.Sub(greeds[i].At) < window {
				n++
			}
		}
		most = max(most, n)
	}
	t.Logf("the greedy one had %d calls in a window at most; %d of the others' %d requests were refused", most, refused.Load(), answers.Load())
	if most > calls/4+3*calls/8 { // what each replica had in hand before it knew of the others

		t.Errorf("the greedy one had %d calls in a window of %d", most, calls)
	}
	if refused.Load() > answers.Load()/20 {
		t.Errorf("%d of the others' %d requests were refused", refused.Load(), answers.Load())
	}
	if text, _ := said.Load().(string); text == "" {
		t.Error("the greedy one was never refused")
	}
}

// TestReloadChangesTheQuota has a budget set, changed and taken away by SIGHUP.
func TestReloadChangesTheQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{spotify: listener, quota: "wait: 0s"})
	v := w.visitor()
	v.login("ada")
	asked := 0
	count := func() (served int) {
		for range 12 {
			asked++
			if v.get(fmt.Sprint("/api/me/tracks?offset=", asked)).status == http.StatusOK {
				served++
			}
		}
		return served
	}
	if served := count(); served != 12 {
		t.Errorf("without a budget %d of 12 are served", served)
	}
	p, before := w.replicas[0], "wait: 0s"
	for _, c := range []struct {
		quota       string
		least, most int
	}{
		{"calls: 5\n  window: 1h\n  user_share: 1\n  wait: 0s ", 1, 5},
		{"wait: 0s  ", 12, 12},
	} {
		p.edit(before, c.quota)
		before = c.quota
		p.reload()
		if served := count(); served < c.least || served > c.most {
			t.Errorf("%q: %d of 12 are served, want %d to %d", c.quota, served, c.least, c.most)
		}
	}
}

// TestGateOutlivesRedis closes the gate and has Redis freeze, and then restart with nothing: no call leaves.
func TestGateOutlivesRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 3, spotify: listener, quota: "wait: 0s"})
	v := w.visitor()
	v.login("ada")
	closed := time.Now()
	w.reject("/v1/me/player", "30")
	v.at(0, http.MethodGet, "/api/me/player")
	until(t, time.Now().Add(100*time.Millisecond))
	w.spotify.ForgetSeen()
	for name, during := range map[string]func(){
		"frozen": func() {
			w.redis.Pause()
			w.hammer(t, v, time.Now().Add(2*time.Second))
			w.redis.Resume()
		},
		"the gate's key is lost": func() {
			keys, err := w.redis.Do("KEYS", "*gate*")
			list, _ := keys.([]any)
			if err != nil || len(list) == 0 {
				t.Fatalf("Redis has no gate: %v, %v", keys, err)
			}
			for _, key := range list {
				if _, err := w.redis.Do("DEL", key.(string)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"restarted": func() {
			w.redis.Kill()
			w.hammer(t, v, time.Now().Add(time.Second))
			w.redis.Start()
			w.hammer(t, v, time.Now().Add(3*time.Second))
		},
	} {
		during()
		if calls := len(w.calls("")); calls > 0 && time.Since(closed) < 29*time.Second {
			t.Errorf("%s: %d calls left", name, calls)
		}
	}
}

// quotaCommands counts the commands that replicas have sent to Redis for the quota. Each of its scripts asks for the time.
func (w *world) quotaCommands() int {
	w.t.Helper()
	reply, _ := w.redisDo("INFO", "commandstats").(string)
	_, rest, _ := strings.Cut(reply, "cmdstat_time:calls=")
	var n int
	_, _ = fmt.Sscanf(rest, "%d", &n)
	return n
}

// TestQuotaCostsFewCommands counts what Redis does for many requests beside what it does for sessions anyhow.
func TestQuotaCostsFewCommands(t *testing.T) {
	t.Parallel()
	const calls, window = 180, 10 * time.Second
	w := newWorld(t, options{replicas: 3, users: 13, spotify: listener, quota: fmt.Sprintf("calls: %d\nwindow: %v", calls, window)})
	crowd := w.crowd(12)
	before := w.quotaCommands()
	var group sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond*8)
	defer cancel()
	var requests atomic.Int64
	for n, f := range crowd {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := f.tryAt((n+i)%3, http.MethodGet, fmt.Sprintf("/api/me/tracks?offset=%d", i%5)); err != nil {
					t.Error(err)
				}
				requests.Add(1)
				<-time.After(30 * time.Millisecond)
			}
		})
	}
	group.Wait()
	spent := float64(w.quotaCommands()-before) / float64(requests.Load())
	t.Logf("%d requests, %.3f commands each; %d calls", requests.Load(), spent, len(w.calls("/v1/me/tracks")))
	if spent > 0.1 {
		t.Errorf("%.2f commands a request", spent)
	}
}
