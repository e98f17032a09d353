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
			synctest.Test(t, func(t *testing.T) { test(t, NewMemory(time.Now), time.Sleep) })
		})
	}
}

func TestRedisLedger(t *testing.T) {
	server := sessiontest.StartRedis(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2})
	t.Cleanup(func() { _ = client.Close() })
	for name, test := range ledgerTests {
		t.Run(name, func(t *testing.T) {
			test(t, NewRedis(client, "stagedoor:", name, "stagedoor:news", 5*time.Second), func(d time.Duration) {
				advance(t, client, d)
			})
		})
	}
}

// advance lets time pass for the keys of the ledger, which hold Redis' time, by moving what they say into the past.
func advance(t *testing.T, client *redis.Client, d time.Duration) {
	t.Helper()
	script := redis.NewScript(`
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then
    local budget = cjson.decode(redis.call('GET', key))
    for _, lease in pairs(budget.leases) do lease[2] = lease[2] - ARGV[1] end
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
	"calls come back a window after their last use": func(t *testing.T, l ledger, pass func(time.Duration)) {
		d := Draw{Replica: "a", Calls: 10, Window: 30 * time.Second, Want: 6}
		first := draw(t, l, d, 6, 4)
		other := d
		other.Replica = "b"
		draw(t, l, other, 4, 0)
		draw(t, l, other, 0, 0)
		pass(10 * time.Second)
		d.Lease, d.Used, d.Idle = first.Lease, 2, 5*time.Second
		second := draw(t, l, d, 4, 0) // four of six were not used
		pass(24 * time.Second)
		d.Lease, d.Used, d.Want = "", 0, 10
		draw(t, l, d, 0, 0)
		pass(2 * time.Second) // 31 s after the last use of the first
		third := draw(t, l, d, 2, 0)
		d.Lease, d.Used = second.Lease, 0
		draw(t, l, d, 4, 0)
		pass(24 * time.Second) // the others' lease and a window after it have passed
		d.Lease, d.Used, d.Idle = third.Lease, 2, 0
		draw(t, l, d, 4, 0)
	},
	"some are left for others": func(t *testing.T, l ledger, _ func(time.Duration)) {
		draw(t, l, Draw{Replica: "a", Calls: 10, Window: 30 * time.Second, Want: 9, Keep: 3}, 7, 3)
		draw(t, l, Draw{Replica: "a", Calls: 10, Window: 30 * time.Second, Want: 9, Keep: 3}, 0, 3)
		draw(t, l, Draw{Replica: "a", Calls: 10, Window: 30 * time.Second, Want: 9}, 3, 0)
	},
	"calls without a lease count": func(t *testing.T, l ledger, pass func(time.Duration)) {
		d := Draw{Replica: "a", Calls: 10, Window: 30 * time.Second, Want: 10, Lease: "forgotten", Used: 8, Idle: 10 * time.Second}
		draw(t, l, d, 2, 0)
		d.Lease, d.Used = "", 0
		pass(21 * time.Second)
		draw(t, l, d, 8, 0)
	},
	"calls that are under way count until they are answered": func(t *testing.T, l ledger, pass func(time.Duration)) {
		d := Draw{Replica: "a", Calls: 10, Window: 30 * time.Second, Want: 10, Out: 3}
		draw(t, l, d, 7, 0)
		pass(40 * time.Second) // a window after the lease is not over, nor is the answer there
		d.Want = 1
		draw(t, l, d, 0, 0)
		pass(8 * time.Second)
		draw(t, l, d, 1, 6)
		d.Out = 0
		draw(t, l, d, 1, 8)
	},
	"replicas are counted": func(t *testing.T, l ledger, _ func(time.Duration)) {
		if _, alone := l.(*Memory); alone {
			return // it has one
		}
		for i := range 3 {
			d := Draw{Replica: fmt.Sprint(i), Calls: 10, Window: 30 * time.Second, Want: 1}
			g, err := l.Draw(t.Context(), d)
			if err != nil || g.Replicas != i+1 {
				t.Errorf("got %+v, %v, want %d replicas", g, err, i+1)
			}
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
				g, err := l.Draw(t.Context(), Draw{Replica: fmt.Sprint(i), Calls: 50, Window: 30 * time.Second, Want: 7})
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

func draw(t *testing.T, l ledger, d Draw, count, left int) Grant {
	t.Helper()
	g, err := l.Draw(context.Background(), d)
	if err != nil || g.Count != count || g.Left != left {
		t.Errorf("%+v gave %+v, %v; want %d and %d left", d, g, err, count, left)
	}
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
