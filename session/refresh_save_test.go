package session_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
)

// The store is down just when the new token has come, which cannot be had a second time: the requests get it at once, and
// it is written when the store is back. Until then nobody asks for another.
func TestSaveWaitsForTheStore(t *testing.T) {
	for _, down := range []time.Duration{time.Second, 12 * time.Second, 40 * time.Second} {
		t.Run(down.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 2), &browser{}
				r.tokens.takes = 2 * time.Second
				b.logIn(t, r.managers[0], goodFor(-time.Minute))
				var wg sync.WaitGroup
				wg.Go(func() {
					if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" || got.after != 2*time.Second {
						t.Errorf("the request that began it: got %q, %v after %v", got.access, got.err, got.after)
					}
				})
				pass(time.Second)
				r.store.down.Store(true)
				pass(2 * time.Second)
				if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" || got.after != 0 {
					t.Errorf("during the outage: got %q, %v after %v", got.access, got.err, got.after)
				}
				pass(down)
				if got := ask(t.Context(), r.managers[1], b); got.err == nil {
					t.Errorf("during the outage: got %q", got.access)
				}
				r.store.down.Store(false)
				wg.Wait()
				if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" || got.after != 0 {
					t.Errorf("before it is written: got %q, %v after %v", got.access, got.err, got.after)
				}
				pass(time.Second)
				for _, m := range r.managers {
					if got := ask(t.Context(), m, b); got.access != "access-2" || got.after != 0 {
						t.Errorf("afterwards: got %q, %v after %v", got.access, got.err, got.after)
					}
				}
				if calls := r.tokens.calls(); calls != 1 {
					t.Errorf("the token endpoint was called %d times, want once", calls)
				}
			})
		})
	}
}

// When the store stays down the refresh gives up after a minute, and says what was lost.
func TestSaveGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		r.tokens.takes = time.Second
		s := b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() {
			if token, err := r.managers[0].Token(t.Context(), s, 0); token.Access.Reveal() != "access-2" {
				t.Errorf("got %q, %v", token.Access.Reveal(), err)
			}
		})
		pass(500 * time.Millisecond)
		r.store.down.Store(true)
		wg.Wait()
		pass(time.Minute + time.Second)
		if r.audited("refresh", "lost") != 1 {
			t.Error("there is no audit line for the token that was lost")
		}
	})
}

// Just after an outage a replica begins no refresh: one that has a token in hand comes first, even if its lease has run out.
func TestSaveComesBeforeTheNextRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.takes = time.Second
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() { ask(t.Context(), r.managers[0], b) })
		pass(500 * time.Millisecond)
		r.store.down.Store(true)
		pass(20 * time.Second)
		r.store.drop(t, b.key())
		ask(t.Context(), r.managers[1], b) // sees the outage
		r.store.down.Store(false)
		if got := ask(t.Context(), r.managers[1], b); got.access != "access-2" || got.after > time.Second {
			t.Errorf("the other replica: got %q, %v after %v", got.access, got.err, got.after)
		}
		wg.Wait()
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

// A store that hangs may carry out much later what it was asked: nobody asks it for a lease while it does not answer.
func TestNoLeaseIsAskedForDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		mustPeek(t, r.managers[0], b)
		r.store.down.Store(true)
		wantError(t, "the request", ask(t.Context(), r.managers[0], b).err, session.ErrStoreUnavailable)
		if asked := r.store.acquires.Load(); asked != 0 {
			t.Errorf("the store was asked for %d leases", asked)
		}
	})
}

// Activity that is written during a refresh makes its save conflict: both changes have to be there in the end.
func TestSaveMergesActivity(t *testing.T) {
	for name, answer := range map[string]func(int) (session.Grant, error){
		"with a new token": nil, "with an ended grant": failing(session.ErrGrantEnded),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 2), &browser{}
				r.tokens.takes, r.tokens.answer = 3*time.Second, answer
				b.logIn(t, r.managers[0], goodFor(-time.Minute))
				pass(24 * time.Hour)
				var wg sync.WaitGroup
				var got struct {
					access string
					err    error
				}
				wg.Go(func() {
					a := ask(t.Context(), r.managers[0], b)
					got.access, got.err = a.access, a.err
				})
				pass(time.Second)
				used := time.Now()
				if _, err := find(r.managers[1], b); err != nil {
					t.Fatal(err)
				}
				wg.Wait()
				if version := r.store.version(t, b); version != 3 {
					t.Errorf("the record is at version %d, want 3: the login, the activity, the refresh", version)
				}
				if answer != nil {
					wantError(t, "the request", got.err, session.ErrReauthorize)
					_, err := peek(r.managers[1], b)
					wantError(t, "the next", err, session.ErrReauthorize)
					return
				}
				if got.access != "access-2" {
					t.Errorf("got %q, %v", got.access, got.err)
				}
				if expires := mustPeek(t, r.managers[0], b).ExpiresAt(); !expires.Equal(used.Add(7 * 24 * time.Hour)) {
					t.Errorf("the session ends at %v: the activity of %v was lost", expires, used)
				}
			})
		})
	}
}

// A logout during a refresh stays one, wherever the two meet.
func TestLogoutDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, 3)
		r.tokens.takes = 100 * time.Millisecond
		for round := range 1000 {
			b := &browser{}
			b.logIn(t, r.managers[round%3], goodFor(-time.Minute))
			still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
			var wg sync.WaitGroup
			for _, m := range r.managers {
				wg.Go(func() { ask(t.Context(), m, still) })
			}
			wg.Go(func() {
				pass(time.Duration(round%130) * time.Millisecond)
				if err := b.logOut(r.managers[round/3%3]); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
			wg.Wait()
			pass(time.Second)
			if version := r.store.version(t, still); version != 0 {
				t.Fatalf("round %d: the session is back at version %d", round, version)
			}
			for _, m := range r.managers {
				_, err := peek(m, still)
				wantError(t, fmt.Sprint("round ", round), err, session.ErrNoSession)
			}
		}
	})
}

// Requests that wait for a refresh when the session is ended learn that there is no session any more.
func TestWaitersHearOfTheLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 3), &browser{}
		r.tokens.takes = 3 * time.Second
		b.logIn(t, r.managers[0], goodFor(littleLife))
		still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, got := range r.askAll(t.Context(), still, 30) {
				wantError(t, "a request", got.err, session.ErrNoSession)
			}
		})
		pass(time.Second)
		if err := b.logOut(r.managers[1]); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	})
}
