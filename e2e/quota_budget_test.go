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
	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestBudgetIsNeverExceeded lets many clients want more than there is of three replicas, while one of them is killed with
// calls in hand, and while Redis is down; when tests are long also while answers and refreshes are slow, and Redis freezes. The simulator's log
// says how many calls there were in any window.
func TestBudgetIsNeverExceeded(t *testing.T) {
	stage.OnlyLong(t, "it lives through whole windows of the budget")
	t.Parallel()
	const calls, window = 24, 3 * time.Second
	var before *faultproxy.Proxy
	w := stage.NewWorld(t, stage.Options{
		Replicas: 3, Users: 13, Spotify: stage.Listener, Prepare: stage.BeforeRedis(&before),
		Quota: fmt.Sprintf("calls: %d\nwindow: %v\nwait: 500ms\nuser_share: 1", calls, window),
	})
	crowd := w.Crowd(12)
	for name, c := range map[string]struct {
		during func()
		least  int // calls in each window, on average
	}{
		"nothing else": {func() {}, calls * 7 / 10},
		"slow answers": {func() {
			w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI}, Linger: 700 * time.Millisecond})
		}, calls / 2},
		"slow refreshes": {func() {
			w.Fault(simulator.Fault{Match: simulator.Match{Grant: "refresh_token"}, Delay: 2 * time.Second})
			w.Spotify.ExpireAccessTokens()
		}, 1},
		"a replica is killed": {func() {
			w.Replicas[2].Kill()
			_ = w.Replicas[2].Wait()
			w.Replicas[2].Start()
		}, calls / 3},
		"Redis freezes": {func() {
			w.Redis.Pause()
			stage.Until(t, time.Now().Add(2*time.Second))
			w.Redis.Resume()
		}, calls / 3},
		"Redis is down": {func() {
			before.Set(faultproxy.Fault{Refuse: true})
			before.Cut()
			stage.Until(t, time.Now().Add(4*time.Second))
			before.Set(faultproxy.Fault{})
		}, calls / 3},
	} {
		if !stage.Long() && name != "a replica is killed" && name != "Redis is down" {
			continue // each takes four windows
		}
		t.Run(name, func(t *testing.T) {
			w.Spotify.ForgetSeen()
			ctx, cancel := context.WithTimeout(t.Context(), 4*window)
			defer cancel()
			var group sync.WaitGroup
			for n, f := range crowd {
				group.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						if a, err := f.TryAt((n+i)%3, http.MethodGet, fmt.Sprintf("/api/me/tracks?offset=%d&limit=%d", i, n+1)); err == nil && a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") == "" {
							t.Error("a refusal has no Retry-After")
						}
						select {
						case <-ctx.Done():
						case <-time.After(20 * time.Millisecond):
						}
					}
				})
			}
			stage.Until(t, time.Now().Add(window))
			c.during()
			group.Wait()
			w.Spotify.ClearFaults()
			most, all := mostInWindow(w, window), len(w.Calls(""))
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
	stage.OnlyLong(t, "it lives through whole windows of the budget")
	t.Parallel()
	// Each window has room for one kind. The calls of a window leave together, and the test wants no order among them.
	const calls = 3
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener, Users: 3, Quota: fmt.Sprintf("calls: %d\nwindow: 5s\nwait: 1m\nuser_share: 1", calls)})
	crowd := w.Crowd(2)
	f := crowd[0]
	for i := range calls {
		f.Get(fmt.Sprint("/api/me/tracks?offset=", i))
	}
	w.Spotify.ForgetSeen()
	var group sync.WaitGroup
	ask := func(kind, method string, headers ...string) {
		for i := range 3 {
			group.Go(func() {
				if a, err := f.Try(method, fmt.Sprintf("/api/me/player/%s?device_id=%d", kind, i), "", headers...); err != nil || a.Reason() != "" {
					t.Errorf("%s: %s, %v", kind, a.Summary(), err)
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
	for i, seen := range w.Calls("") {
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
	stage.OnlyLong(t, "it lives through whole windows of the budget")
	t.Parallel()
	const calls, window = 40, 4 * time.Second
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Users: 6, Spotify: stage.Listener, Quota: fmt.Sprintf("calls: %d\nwindow: %v\nwait: 1s\nuser_share: 0.25", calls, window)})
	crowd := w.Crowd(6)
	greedy, others := crowd[0], crowd[1:]
	stage.Until(t, time.Now().Add(window))
	w.Spotify.ForgetSeen()
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
				a, err := f.TryAt(i%3, http.MethodGet, fmt.Sprintf("/api/me/tracks?offset=%d", i))
				if err != nil {
					t.Error(err)
				}
				answers.Add(1)
				if a.Status == http.StatusTooManyRequests {
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
				a, err := greedy.TryAt((n+i)%3, http.MethodGet, fmt.Sprintf("/api/me/albums?offset=%d&limit=%d", i, n+1))
				if err == nil && a.Status == http.StatusTooManyRequests {
					said.Store(a.Body)
				}
				<-time.After(30 * time.Millisecond)
			}
		})
	}
	group.Wait()
	most := 0
	greeds := w.Calls("/v1/me/albums")
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
	if refused.Load() > answers.Load()/5 { // without shares it was two of three
		t.Errorf("%d of the others' %d requests were refused", refused.Load(), answers.Load())
	}
	if text, _ := said.Load().(string); text == "" {
		t.Error("the greedy one was never refused")
	}
}

// TestReloadChangesTheQuota has a budget set, changed and taken away by SIGHUP.
func TestReloadChangesTheQuota(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener, Quota: "wait: 0s"})
	v := w.Visitor()
	v.Login("ada")
	asked := 0
	count := func() (served int) {
		for range 12 {
			asked++
			if v.Get(fmt.Sprint("/api/me/tracks?offset=", asked)).Status == http.StatusOK {
				served++
			}
		}
		return served
	}
	if served := count(); served != 12 {
		t.Errorf("without a budget %d of 12 are served", served)
	}
	p, before := w.Replicas[0], "wait: 0s"
	for _, c := range []struct {
		quota       string
		least, most int
	}{
		{"calls: 5\n  window: 1h\n  user_share: 1\n  wait: 0s ", 1, 5},
		{"wait: 0s  ", 12, 12},
	} {
		edit(p, before, c.quota)
		before = c.quota
		reload(p)
		if served := count(); served < c.least || served > c.most {
			t.Errorf("%q: %d of 12 are served, want %d to %d", c.quota, served, c.least, c.most)
		}
	}
}

// TestGateOutlivesRedis closes the gate and has Redis freeze, and then restart with nothing: no call leaves.
func TestGateOutlivesRedis(t *testing.T) {
	stage.OnlyLong(t, "it lives through whole windows of the budget")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Spotify: stage.Listener, Quota: "wait: 0s"})
	v := w.Visitor()
	v.Login("ada")
	closed := time.Now()
	reject(w, "/v1/me/player", "30")
	v.At(0, http.MethodGet, "/api/me/player")
	stage.Until(t, time.Now().Add(100*time.Millisecond))
	w.Spotify.ForgetSeen()
	for name, during := range map[string]func(){
		"frozen": func() {
			w.Redis.Pause()
			hammer(w, t, v, time.Now().Add(2*time.Second))
			w.Redis.Resume()
		},
		"the gate's key is lost": func() {
			keys, err := w.Redis.Do("KEYS", "*gate*")
			list, _ := keys.([]any)
			if err != nil || len(list) == 0 {
				t.Fatalf("Redis has no gate: %v, %v", keys, err)
			}
			for _, key := range list {
				if _, err := w.Redis.Do("DEL", key.(string)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"restarted": func() {
			w.Redis.Kill()
			hammer(w, t, v, time.Now().Add(time.Second))
			w.Redis.Start()
			hammer(w, t, v, time.Now().Add(3*time.Second))
		},
	} {
		during()
		if calls := len(w.Calls("")); calls > 0 && time.Since(closed) < 29*time.Second {
			t.Errorf("%s: %d calls left", name, calls)
		}
	}
}

// quotaCommands counts the commands that replicas have sent to Redis for the quota. Each of its scripts asks for the time.
func quotaCommands(w *stage.World) int {
	w.T.Helper()
	reply, _ := w.RedisDo("INFO", "commandstats").(string)
	_, rest, _ := strings.Cut(reply, "cmdstat_time:calls=")
	var n int
	_, _ = fmt.Sscanf(rest, "%d", &n)
	return n
}

// TestQuotaCostsFewCommands counts what Redis does for many requests beside what it does for sessions anyhow.
func TestQuotaCostsFewCommands(t *testing.T) {
	stage.OnlyLong(t, "it lives through whole windows of the budget")
	t.Parallel()
	const calls, window = 180, 10 * time.Second
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Users: 13, Spotify: stage.Listener, Quota: fmt.Sprintf("calls: %d\nwindow: %v", calls, window)})
	crowd := w.Crowd(12)
	before := quotaCommands(w)
	var group sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond*8)
	defer cancel()
	var requests atomic.Int64
	for n, f := range crowd {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := f.TryAt((n+i)%3, http.MethodGet, fmt.Sprintf("/api/me/tracks?offset=%d", i%5)); err != nil {
					t.Error(err)
				}
				requests.Add(1)
				<-time.After(30 * time.Millisecond)
			}
		})
	}
	group.Wait()
	spent := float64(quotaCommands(w)-before) / float64(requests.Load())
	t.Logf("%d requests, %.3f commands each; %d calls", requests.Load(), spent, len(w.Calls("/v1/me/tracks")))
	if spent > 0.1 {
		t.Errorf("%.2f commands a request", spent)
	}
}
