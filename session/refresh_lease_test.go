package session_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
)

// The lease lives as long as the call does, however long that is: no other replica makes a second one.
func TestLeaseIsRenewedDuringTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 3), &browser{}
		r.tokens.takes = 25 * time.Second
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		for second := range 30 {
			wg.Go(func() {
				pass(time.Duration(second) * time.Second)
				got := ask(t.Context(), r.managers[second%3], b)
				var slow *session.RefreshUnavailableError
				if tooEarly := second < 10; tooEarly && !errors.As(got.err, &slow) || second > 10 && got.access != "access-2" {
					t.Errorf("at second %d: got %q, %v after %v", second, got.access, got.err, got.after)
				}
			})
		}
		wg.Wait()
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

// A replica that dies during a refresh keeps the others waiting for the lease's 10s and no longer.
func TestLeaseOfADeadReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		if held, err := r.store.Acquire(t.Context(), b.key(), "the dead one", 10*time.Second); !held || err != nil {
			t.Fatal(held, err)
		}
		for i, got := range r.askAll(t.Context(), b, 20) {
			if got.access != "access-2" || got.after < 10*time.Second || got.after > 10*time.Second+200*time.Millisecond {
				t.Errorf("request %d: got %q, %v after %v", i, got.access, got.err, got.after)
			}
		}
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

func TestLeaseIsGivenBack(t *testing.T) {
	for name, answer := range map[string]func(int) (session.Grant, error){
		"after a success": nil, "after a failure": failing(unavailable(0)), "after the end": failing(session.ErrGrantEnded),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 1), &browser{}
				r.tokens.answer = answer
				b.logIn(t, r.managers[0], goodFor(-time.Minute))
				ask(t.Context(), r.managers[0], b)
				if held, err := r.store.Acquire(t.Context(), b.key(), "the next", time.Second); !held || err != nil {
					t.Errorf("the lease is still held: %v, %v", held, err)
				}
			})
		})
	}
}

// A holder that lost its lease writes nothing: what the new holder gets may be newer. The requests that wait for its token
// have it nevertheless.
func TestHolderThatLostItsLease(t *testing.T) {
	for name, answer := range map[string]func(int) (session.Grant, error){
		"with a new token": nil, "with an ended grant": failing(session.ErrGrantEnded),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 1), &browser{}
				r.tokens.takes, r.tokens.answer = 5*time.Second, answer
				b.logIn(t, r.managers[0], goodFor(-time.Minute))
				var wg sync.WaitGroup
				wg.Go(func() {
					var unavailable *session.RefreshUnavailableError
					got := ask(t.Context(), r.managers[0], b)
					switch {
					case answer == nil && got.access != "access-2":
						t.Errorf("got %q, %v, want the token that came", got.access, got.err)
					case answer != nil && (!errors.As(got.err, &unavailable) || !errors.Is(got.err, session.ErrLeaseLost)):
						t.Errorf("got %q, %v, want a RefreshUnavailableError for the lost lease", got.access, got.err)
					}
				})
				pass(time.Second)
				r.store.steal(t, b.key())
				wg.Wait()
				pass(2 * time.Minute)
				if lost := r.audited("refresh", "lost"); (lost == 1) != (answer == nil) {
					t.Errorf("%d audit lines tell of a token that was never written", lost)
				}
				if version := r.store.version(t, b); version != 1 {
					t.Errorf("the record is at version %d; the loser wrote", version)
				}
				if held, err := r.store.Acquire(t.Context(), b.key(), "third", time.Second); held || err != nil {
					t.Errorf("the loser gave back a lease that is another's: %v, %v", held, err)
				}
				mustPeek(t, r.managers[0], b) // and the session lives
			})
		})
	}
}

// A lease that ran out may have let another replica pass: what it wrote is newer than what the first one brings.
func TestNewerGrantIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.answer = func(n int) (session.Grant, error) {
			if n == 1 {
				pass(3 * time.Second)
			}
			return grantNumber(n+1, time.Hour), nil
		}
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := ask(t.Context(), r.managers[0], b); got.access != "access-3" {
				t.Errorf("the first replica: got %q, %v, want the newer token", got.access, got.err)
			}
		})
		pass(time.Second)
		r.store.drop(t, b.key())
		if got := ask(t.Context(), r.managers[1], b); got.access != "access-3" {
			t.Errorf("the second replica: got %q, %v", got.access, got.err)
		}
		wg.Wait()
		pass(time.Hour)
		ask(t.Context(), r.managers[0], b)
		if got := r.tokens.last(); got != "refresh-3" {
			t.Errorf("the next refresh used %q, want refresh-3", got)
		}
	})
}

// The same where refresh tokens do not rotate: the access token alone tells that somebody was faster.
func TestNewerTokenIsKeptWithoutRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.answer = func(n int) (session.Grant, error) {
			if n == 1 {
				pass(3 * time.Second)
			}
			return session.Grant{Token: grantNumber(n+1, time.Hour).Token}, nil
		}
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := ask(t.Context(), r.managers[0], b); got.access != "access-3" {
				t.Errorf("the slow replica: got %q, %v, want the newer token", got.access, got.err)
			}
		})
		pass(time.Second)
		r.store.drop(t, b.key())
		if got := ask(t.Context(), r.managers[1], b); got.access != "access-3" {
			t.Errorf("the fast replica: got %q, %v", got.access, got.err)
		}
		wg.Wait()
		if got := ask(t.Context(), r.managers[1], b); got.access != "access-3" {
			t.Errorf("afterwards: got %q, %v; the slow replica put an older token back", got.access, got.err)
		}
	})
}
