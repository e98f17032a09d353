package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
	"stagedoor/session/memstore"
)

// However many requests and replicas want a token, one call gets it and all of them go on with it.
func TestOneRefreshForAll(t *testing.T) {
	for _, c := range []struct {
		name  string
		left  time.Duration // of the old token
		takes time.Duration // the refresh
	}{
		{"soon to end, at once", littleLife, 0},
		{"soon to end, in 3s", littleLife, 3 * time.Second},
		{"ended, in 3s", -time.Hour, 3 * time.Second},
		{"ended, in 12s", -time.Hour, 12 * time.Second},
		{"ends while it is refreshed", 2 * time.Second, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 3), &browser{}
				r.tokens.takes = c.takes
				b.logIn(t, r.managers[0], goodFor(c.left))
				for i, got := range r.askAll(t.Context(), b, 200) {
					if got.access != "access-2" || got.err != nil {
						t.Errorf("request %d: got %q, %v", i, got.access, got.err)
					}
					if got.after > c.takes+100*time.Millisecond {
						t.Errorf("request %d waited for %v", i, got.after)
					}
				}
				if calls := r.tokens.calls(); calls != 1 {
					t.Errorf("the token endpoint was called %d times, want once", calls)
				}
				if r.audited("refresh", "ok") != 1 {
					t.Error("there is not one audit line for the refresh")
				}
			})
		})
	}
}

// Requests that come one after the other while a refresh is on its way join it.
func TestLateRequestsJoinTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 3), &browser{}
		r.tokens.takes = 3 * time.Second
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				pass(time.Duration(i) * 100 * time.Millisecond)
				if got := ask(t.Context(), r.managers[i%3], b); got.access != "access-2" {
					t.Errorf("request %d: got %q, %v", i, got.access, got.err)
				}
			})
		}
		wg.Wait()
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

func TestTwoSessionsAreRefreshedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, 2)
		r.tokens.takes = time.Second
		ada, bob := &browser{}, &browser{}
		ada.logIn(t, r.managers[0], goodFor(-time.Minute))
		bob.logIn(t, r.managers[1], goodFor(-time.Minute))
		var wg sync.WaitGroup
		for _, b := range []*browser{ada, bob} {
			wg.Go(func() {
				for _, got := range r.askAll(t.Context(), b, 10) {
					if got.err != nil || got.after > 1100*time.Millisecond {
						t.Errorf("got %v after %v; one session waits for the other", got.err, got.after)
					}
				}
			})
		}
		wg.Wait()
		if calls := r.tokens.calls(); calls != 2 {
			t.Errorf("the token endpoint was called %d times, want once for each", calls)
		}
	})
}

// The refresh belongs to no request: it is finished and stored although all who wanted it have left.
func TestRefreshOutlivesItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.takes = 3 * time.Second
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var wg sync.WaitGroup
		wg.Go(func() {
			got := ask(impatient, r.managers[0], b)
			if !errors.Is(got.err, context.DeadlineExceeded) || got.after != time.Second {
				t.Errorf("the request that left: got %q, %v after %v", got.access, got.err, got.after)
			}
		})
		pass(500 * time.Millisecond) // the others come while it is there
		for i, got := range r.askAll(t.Context(), b, 20) {
			if got.access != "access-2" {
				t.Errorf("request %d: got %q, %v", i, got.access, got.err)
			}
		}
		wg.Wait()
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

func TestRefreshIsStoredWhenEverybodyHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.takes = 3 * time.Second
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		r.askAll(impatient, b, 20)
		pass(3 * time.Second)
		if got := ask(t.Context(), r.managers[1], b); got.access != "access-2" || got.after != 0 {
			t.Errorf("got %q, %v after %v, want the stored token at once", got.access, got.err, got.after)
		}
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

// Close is what a shutdown waits for: the refresh that has begun is in the store afterwards.
func TestCloseWaitsForTheRefresh(t *testing.T) {
	for name, patience := range map[string]time.Duration{
		"a request that left": time.Second, "one that left at once": 0, "one that ran out of patience": time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, tokens := &browser{}, &tokenEndpoint{takes: 20 * time.Second}
				store := &switchStore{memory: memstore.New(nil)}
				m := newManager(t, session.Options{Store: store, Leases: store, Refresh: tokens.refresh})
				s := b.logIn(t, m, goodFor(-time.Minute))
				impatient, leave := context.WithTimeout(t.Context(), patience)
				defer leave()
				if token, err := m.Token(impatient, s, 0); err == nil {
					t.Fatalf("the request that left: got %q", token.Access.Reveal())
				}
				m.Close()
				if version := store.version(t, b); version != 2 {
					t.Errorf("when Close returns the record is at version %d, want the refreshed one", version)
				}
				next := newManager(t, session.Options{Store: store, Leases: store, Refresh: tokens.refresh})
				if got := ask(t.Context(), next, b); got.access != "access-2" || tokens.calls() != 1 {
					t.Errorf("after Close: got %q, %v with %d calls, want the stored token", got.access, got.err, tokens.calls())
				}
			})
		})
	}
}
