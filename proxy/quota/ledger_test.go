package quota

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"stagedoor/session/sessiontest"
)

// ledger is what replicas share.
type ledger interface {
	Gates
	Allowance
}

// TestMemoryLedger and TestRedisLedger hold both ledgers to the same rules.
func TestMemoryLedger(t *testing.T) {
	for name, test := range ledgerTests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := NewMemory(time.Now)
				begin(t, l, time.Sleep)
				test(t, l, time.Sleep)
			})
		})
	}
}

func TestRedisLedger(t *testing.T) {
	server := sessiontest.StartRedis(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2})
	t.Cleanup(func() { _ = client.Close() })
	for name, test := range ledgerTests {
		t.Run(name, func(t *testing.T) {
			l := NewRedis(plainScripts{client}, "stagedoor:", name, "stagedoor:news")
			pass := func(d time.Duration) { advance(t, client, d) }
			begin(t, l, pass)
			test(t, l, pass)
		})
	}
}

// begin makes a ledger that has not lost what it knew lately.
func begin(t *testing.T, l ledger, pass func(time.Duration)) {
	if _, err := l.Draw(t.Context(), Draw{Replica: "before", Calls: 1, Window: time.Second, Leaving: true}); err != nil {
		t.Fatal(err)
	}
	pass(gatherTime + time.Second)
}

// plainScripts runs scripts without a queue.
type plainScripts struct{ client *redis.Client }

func (p plainScripts) RunScript(ctx context.Context, script *redis.Script, key string, args ...any) (any, error) {
	return script.Run(ctx, p.client, []string{key}, args...).Result()
}

// advance lets time pass for the keys of the ledger, which hold Redis' time, by moving what they say into the past.
func advance(t *testing.T, client *redis.Client, d time.Duration) {
	t.Helper()
	script := redis.NewScript(`
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then
    local budget = cjson.decode(redis.call('GET', key))
    budget.since, budget.told = budget.since - ARGV[1], budget.told - ARGV[1]
    for _, r in pairs(budget.replicas) do r.drawn, r.till = r.drawn - ARGV[1], r.till - ARGV[1] end
    redis.call('SET', key, cjson.encode(budget))
  elseif kind == 'hash' then
    for _, field in ipairs({'until', 'probe'}) do
      if redis.call('HEXISTS', key, field) == 1 then redis.call('HINCRBY', key, field, -ARGV[1]) end
    end
  end
end
return 1`)
	if err := script.Run(t.Context(), client, nil, d.Milliseconds()).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestRedisLosesTheBudget has replicas that hold calls draw from a Redis that knows of none.
func TestRedisLosesTheBudget(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: sessiontest.StartRedis(t).Addr(), Protocol: 2})
	t.Cleanup(func() { _ = client.Close() })
	l := NewRedis(plainScripts{client}, "stagedoor:", "app", "stagedoor:news")
	news := client.Subscribe(t.Context(), "stagedoor:news")
	t.Cleanup(func() { _ = news.Close() })
	if _, err := news.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b, c := newReplica("a"), newReplica("b"), newReplica("c")
	for _, r := range []*testReplica{a, b, c} {
		r.d.Replicas = 3
	}
	a.d.Holds, b.d.Holds, c.d.Holds = 1, 2, 6
	a.draw(t, l, 9, 0, 9) // the others may hold the rest
	if text := (<-news.Channel()).Payload; text != NewsBudget {
		t.Errorf("the others are told %q", text)
	}
	b.d.Replicas = 1 // it was cut off for long
	b.draw(t, l, 9, 0, 7)
	c.draw(t, l, 9, 0, 1)
	advance(t, client, gatherTime+time.Second)
	b.draw(t, l, 9, 1, 0)
}

var ledgerTests = map[string]func(t *testing.T, l ledger, pass func(time.Duration)){
	"a gate closes, lets one go first, and opens": func(t *testing.T, l ledger, pass func(time.Duration)) {
		expect(t, check(t, l, "a"), GateState{}, 0)
		shut(t, l, 20*time.Second, ReasonQuota)
		expect(t, check(t, l, "a"), GateState{Closed: true, Left: 20 * time.Second, Reason: ReasonQuota}, time.Second)
		pass(21 * time.Second)
		expect(t, check(t, l, ""), GateState{Closed: true, Reason: ReasonQuota}, 0)
		expect(t, check(t, l, "a"), GateState{Closed: true, Reason: ReasonQuota, First: true}, 0)
		expect(t, check(t, l, "b"), GateState{Closed: true, Reason: ReasonQuota}, 0)
		expect(t, check(t, l, "a"), GateState{Closed: true, Reason: ReasonQuota, First: true}, 0)
		pass(probeTime + time.Second)
		expect(t, check(t, l, "b"), GateState{Closed: true, Reason: ReasonQuota, First: true}, 0)
		if err := l.Open(t.Context(), BucketAll); err != nil {
			t.Fatal(err)
		}
		expect(t, check(t, l, "a"), GateState{}, 0)
	},
	"a first call without an answer is given up": func(t *testing.T, l ledger, pass func(time.Duration)) {
		shut(t, l, time.Second, ReasonRate)
		pass(2 * time.Second)
		first, others := GateState{Closed: true, Reason: ReasonRate, First: true}, GateState{Closed: true, Reason: ReasonRate}
		expect(t, check(t, l, "a"), first, 0)
		if err := l.Pass(t.Context(), BucketAll, "b"); err != nil { // it is not b's
			t.Fatal(err)
		}
		expect(t, check(t, l, "b"), others, 0)
		if err := l.Pass(t.Context(), BucketAll, "a"); err != nil {
			t.Fatal(err)
		}
		expect(t, check(t, l, "b"), first, 0)
		pass(4 * time.Second)
		expect(t, check(t, l, "b"), first, 0) // renewed
		pass(4 * time.Second)
		expect(t, check(t, l, "a"), others, 0)
	},
	"a gate stays closed as long as the longest said": func(t *testing.T, l ledger, pass func(time.Duration)) {
		shut(t, l, time.Hour, ReasonRate)
		shut(t, l, time.Second, ReasonQuota)
		shut(t, l, 0, ReasonQuota)
		expect(t, check(t, l, "a"), GateState{Closed: true, Left: time.Hour, Reason: ReasonRate}, 2*time.Second)
		pass(time.Hour + time.Second)
		shut(t, l, 5*time.Second, ReasonQuota)
		expect(t, check(t, l, "a"), GateState{Closed: true, Left: 5 * time.Second, Reason: ReasonQuota}, time.Second)
	},
	"guesses double until the gate was open": func(t *testing.T, l ledger, pass func(time.Duration)) {
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			want *= time.Second
			if state := shut(t, l, 0, ReasonRate); state.Left != want {
				t.Errorf("closed for %v, want %v", state.Left, want)
			}
			pass(want + time.Millisecond)
		}
		_ = l.Open(t.Context(), BucketAll)
		if state := shut(t, l, 0, ReasonRate); state.Left != time.Second {
			t.Errorf("after it was open, closed for %v", state.Left)
		}
	},
	"gates are apart": func(t *testing.T, l ledger, _ func(time.Duration)) {
		if _, err := l.Shut(t.Context(), BucketImages, time.Minute, ReasonRate); err != nil {
			t.Fatal(err)
		}
		expect(t, check(t, l, "a"), GateState{}, 0)
	},
	"replicas hold no more than there is": func(t *testing.T, l ledger, pass func(time.Duration)) {
		a, b := newReplica("a"), newReplica("b")
		a.draw(t, l, 6, 6, 4)
		b.draw(t, l, 6, 4, 0)
		b.draw(t, l, 2, 0, 0)
		pass(10 * time.Second)
		a.d.Holds, a.d.Spent = 3, 2 // it gives three back
		a.draw(t, l, 0, 0, 3)
		b.draw(t, l, 5, 3, 0)
		pass(55 * time.Second)
		a.draw(t, l, 1, 0, 0) // b's calls count a window after its lease
		pass(7 * time.Second)
		a.draw(t, l, 9, 7, 0)
	},
	"a draw that arrives twice has the effect of one": func(t *testing.T, l ledger, _ func(time.Duration)) {
		a, b := newReplica("a"), newReplica("b")
		a.draw(t, l, 4, 4, 6)
		a.d.Holds, a.d.Serial = 0, a.d.Serial-1 // as it was sent
		a.draw(t, l, 4, 4, 6)
		b.draw(t, l, 9, 6, 0)
	},
	"a draw that arrives late changes nothing": func(t *testing.T, l ledger, _ func(time.Duration)) {
		a, b := newReplica("a"), newReplica("b")
		a.draw(t, l, 8, 8, 2)
		late := newReplica("a")
		late.d.Serial = -5
		late.draw(t, l, 3, 0, 10)
		b.draw(t, l, 9, 2, 0)
	},
	"some are left for others": func(t *testing.T, l ledger, _ func(time.Duration)) {
		a := newReplica("a")
		a.d.Keep = 3
		a.draw(t, l, 9, 7, 3)
		a.draw(t, l, 9, 0, 3)
		a.d.Keep = 0
		a.draw(t, l, 9, 3, 0)
	},
	"more calls than there are count": func(t *testing.T, l ledger, _ func(time.Duration)) {
		a, b := newReplica("a"), newReplica("b")
		a.draw(t, l, 5, 5, 5)
		b.d.Spent, b.d.Holds = 8, 8 // made while the ledger was down
		b.draw(t, l, 1, 0, 0)
		a.d.Holds = 2
		a.draw(t, l, 1, 0, 0)
		a.d.Holds = 1
		a.draw(t, l, 2, 1, 0)
	},
	"a replica that leaves is no part, and its calls count for a window": func(t *testing.T, l ledger, pass func(time.Duration)) {
		a, b := newReplica("a"), newReplica("b")
		a.draw(t, l, 6, 6, 4)
		b.draw(t, l, 1, 1, 3)
		a.d.Leaving, a.d.Spent, a.d.Holds = true, 5, 5
		a.draw(t, l, 0, 0, 4)
		if g := b.draw(t, l, 9, 4, 0); g.Replicas != 1 || g.Spent != 5 {
			t.Errorf("got %+v", g)
		}
		pass(32 * time.Second)
		b.draw(t, l, 9, 5, 0)
	},
	"who has less than a part and wants more is hungry": func(t *testing.T, l ledger, _ func(time.Duration)) {
		a, b := newReplica("a"), newReplica("b")
		a.draw(t, l, 8, 8, 2)
		b.d.Idle = true
		b.draw(t, l, 3, 2, 0)
		if g := a.draw(t, l, 1, 0, 0); g.Hungry {
			t.Error("nothing waits for what b wants")
		}
		b.d.Idle = false
		b.draw(t, l, 3, 0, 0)
		if g := a.draw(t, l, 1, 0, 0); !g.Hungry || g.Replicas != 2 {
			t.Errorf("got %+v, want hungry", g)
		}
		if g := b.draw(t, l, 1, 0, 0); g.Hungry {
			t.Error("a has more than a part")
		}
	},
	"after an outage a replica gets an equal part": func(t *testing.T, l ledger, _ func(time.Duration)) {
		a := newReplica("a")
		a.d.Replicas, a.d.Cautious = 3, true
		a.draw(t, l, 9, 3, 7)
	},
	"heavy sessions are told of": func(t *testing.T, l ledger, pass func(time.Duration)) {
		if _, alone := l.(*Memory); alone {
			return
		}
		a, b, c := newReplica("a"), newReplica("b"), newReplica("c")
		a.d.Heavy, a.d.Others = map[string]int{"greedy": 3}, 2
		b.d.Heavy, b.d.Others = map[string]int{"greedy": 1, "other": 2}, 1
		a.draw(t, l, 1, 1, 9)
		b.draw(t, l, 1, 1, 8)
		if g := c.draw(t, l, 0, 0, 8); g.Elsewhere["greedy"] != 4 || g.Elsewhere["other"] != 2 || g.Others != 3 {
			t.Errorf("got %+v", g)
		}
		pass(31 * time.Second)
		if g := c.draw(t, l, 0, 0, 8); len(g.Elsewhere) != 0 || g.Others != 0 {
			t.Errorf("a window later: %+v", g)
		}
	},
	"nothing is given twice": func(t *testing.T, l ledger, _ func(time.Duration)) {
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			sum   int
		)
		for i := range 20 {
			group.Go(func() {
				g, err := l.Draw(t.Context(), Draw{Replica: fmt.Sprint(i), Serial: 1, Calls: 50, Window: 30 * time.Second, Want: 7})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				sum += g.Count
			})
		}
		group.Wait()
		if sum != 50 {
			t.Errorf("%d calls were given, want 50", sum)
		}
	},
}

func check(t *testing.T, l ledger, holder string) GateState {
	t.Helper()
	state, err := l.Check(context.Background(), BucketAll, holder)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func shut(t *testing.T, l ledger, left time.Duration, reason Reason) GateState {
	t.Helper()
	state, err := l.Shut(context.Background(), BucketAll, left, reason)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// testReplica draws as a replica does: it goes on holding what it was granted.
type testReplica struct{ d Draw }

func newReplica(name string) *testReplica {
	return &testReplica{Draw{Replica: name, Calls: 10, Window: 30 * time.Second}}
}

func (r *testReplica) draw(t *testing.T, l ledger, want, count, left int) Grant {
	t.Helper()
	r.d.Want = want
	r.d.Serial++
	g, err := l.Draw(context.Background(), r.d)
	if err != nil || g.Count != count || g.Left != left {
		t.Errorf("%+v gave %+v, %v; want %d and %d left", r.d, g, err, count, left)
	}
	r.d.Holds += g.Count
	return g
}

// expect compares, with a tolerance for the time that has passed meanwhile.
func expect(t *testing.T, got, want GateState, tolerance time.Duration) {
	t.Helper()
	if got.Left > want.Left || got.Left < want.Left-tolerance {
		t.Errorf("left %v, want %v", got.Left, want.Left)
	}
	got.Left, want.Left = 0, 0
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
