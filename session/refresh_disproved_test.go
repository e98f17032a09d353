package session_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
)

// A replica that was stopped for longer than its lease comes back with a new token, and meanwhile another one presented the
// same refresh token and was refused. Whoever has the newer grant has disproved the refusal, in whatever order the two are
// written; but a logout wins over both.
func TestNewerGrantDisprovesARefusal(t *testing.T) {
	for _, c := range []struct {
		name    string
		granted time.Duration   // when the first replica is answered
		refused time.Duration   // when the second one is, which begins at 1s
		drops   []time.Duration // when the lease of the moment runs out
		logout  time.Duration   // zero: nobody logs out
	}{
		{name: "the refusal is written first", granted: 3 * time.Second, refused: 1500 * time.Millisecond},
		{name: "the refusal is written just before", granted: 3 * time.Second, refused: 3 * time.Second},
		{name: "the refusal comes while the grant waits for the lease", granted: 2 * time.Second, refused: 9 * time.Second},
		{name: "the grant is written first", granted: 2 * time.Second, refused: 3 * time.Second, drops: []time.Duration{1500 * time.Millisecond}},
		{name: "a logout before both", granted: 3 * time.Second, refused: 2500 * time.Millisecond, logout: 2 * time.Second},
		{name: "a logout between the refusal and the grant", granted: 3 * time.Second, refused: 1500 * time.Millisecond, logout: 2 * time.Second},
		{name: "a logout while the grant waits for the lease", granted: 2 * time.Second, refused: 9 * time.Second, logout: 5 * time.Second},
		{name: "a logout after both", granted: 2 * time.Second, refused: 3 * time.Second, logout: 5 * time.Second},
	} {
		for rotation, refresh := range map[string]string{"rotating": "refresh-2", "constant": "refresh-1"} {
			t.Run(c.name+", "+rotation, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r, b := newReplicas(t, 2), &browser{}
					began := time.Now()
					r.tokens.answer = func(n int) (session.Grant, error) {
						switch n {
						case 1:
							pass(time.Until(began.Add(c.granted)))
							grant := grantNumber(2, time.Hour)
							grant.Refresh = secret.New(refresh)
							return grant, nil
						case 2:
							pass(time.Until(began.Add(c.refused)))
							return session.Grant{}, session.ErrGrantEnded
						default:
							return grantNumber(3, time.Hour), nil
						}
					}
					b.logIn(t, r.managers[0], goodFor(-time.Minute))
					still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
					var wg sync.WaitGroup
					wg.Go(func() { ask(t.Context(), r.managers[0], b) })
					for _, at := range append(c.drops, time.Second) {
						wg.Go(func() {
							pass(at)
							r.store.drop(t, b.key())
							if at == time.Second {
								ask(t.Context(), r.managers[1], b)
							}
						})
					}
					if c.logout > 0 {
						wg.Go(func() {
							pass(c.logout)
							if err := still.logOut(r.managers[1]); err != nil {
								t.Errorf("the logout: %v", err)
							}
						})
					}
					wg.Wait()
					pass(10 * time.Second)
					if calls := r.tokens.calls(); calls != 2 {
						t.Fatalf("%d calls of the token endpoint, want both replicas'", calls)
					}
					for i, m := range r.managers {
						got := ask(t.Context(), m, b)
						if c.logout > 0 {
							wantError(t, "after the logout", got.err, session.ErrNoSession)
						} else if got.access != "access-2" {
							t.Errorf("replica %d: got %q, %v, want the newer token", i, got.access, got.err)
						}
					}
					if c.logout > 0 {
						return
					}
					pass(time.Hour)
					if got := ask(t.Context(), r.managers[1], b); got.access != "access-3" || r.tokens.last() != refresh {
						t.Errorf("the next refresh: got %q, %v with %q, want access-3 with %q", got.access, got.err, r.tokens.last(), refresh)
					}
				})
			})
		}
	}
}

// A server may answer a refresh with the tokens that it gave before. That somebody was refreshed counts, not what came.
func TestSameTokensDisproveARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.answer = func(n int) (session.Grant, error) {
			if n == 1 {
				pass(2 * time.Second)
				return goodFor(time.Hour), nil // access-1 and refresh-1 again
			}
			pass(3 * time.Second)
			return session.Grant{}, session.ErrGrantEnded
		}
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() { ask(t.Context(), r.managers[0], b) })
		pass(time.Second)
		r.store.drop(t, b.key())
		wg.Go(func() { ask(t.Context(), r.managers[1], b) })
		synctest.Wait()
		r.store.drop(t, b.key()) // the second one's, so that the first writes before it
		wg.Wait()
		pass(10 * time.Second)
		if got := ask(t.Context(), r.managers[1], b); got.access != "access-1" {
			t.Errorf("got %q, %v, want the token that was given again", got.access, got.err)
		}
	})
}
