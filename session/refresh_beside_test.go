package session_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
)

// Requests all around a refresh go on at once, with a token that is good, and one call replaces it beside them.
func TestNoRequestWaitsForARefresh(t *testing.T) {
	for _, life := range []time.Duration{time.Hour, 20 * time.Second, 12 * time.Second} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 3), &browser{}
				r.tokens.takes = time.Second
				r.tokens.answer = func(n int) (session.Grant, error) { return grantNumber(n+1, life), nil }
				b.logIn(t, r.managers[0], goodFor(life))
				pass(max(life-2*time.Minute, 0))
				var wg sync.WaitGroup
				for i := range 1000 {
					wg.Go(func() {
						if got := ask(t.Context(), r.managers[i%3], b); got.err != nil || got.after != 0 {
							t.Errorf("request %d waited for %v and got %q, %v", i, got.after, got.access, got.err)
						}
					})
					pass(100 * time.Millisecond)
				}
				wg.Wait()
				// A token of short life is due at half of it, and is there a second later.
				most := int(100*time.Second/min(time.Minute, life/2)) + 1
				if calls := r.tokens.calls(); calls == 0 || calls > most {
					t.Errorf("%d calls of the token endpoint, want at least one and at most %d", calls, most)
				}
			})
		})
	}
}

// Five seconds of life are enough to go on with, and a moment less is not; a use that takes longer waits in any case.
func TestWhoWaitsForARefresh(t *testing.T) {
	for _, c := range []struct {
		name      string
		left, use time.Duration
		want      string
		after     time.Duration
	}{
		{"just enough", 5 * time.Second, 0, "access-1", 0},
		{"a moment less", 5*time.Second - time.Millisecond, 0, "access-2", time.Second},
		{"enough for the use", 40 * time.Second, 40 * time.Second, "access-1", 0},
		{"less than the use", 40 * time.Second, 41 * time.Second, "access-2", time.Second},
		{"not due", 61 * time.Second, 0, "access-1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 1), &browser{}
				r.tokens.takes = time.Second
				s, begin := b.logIn(t, r.managers[0], goodFor(c.left)), time.Now()
				token, err := r.managers[0].Token(t.Context(), s, c.use)
				if got := token.Access.Reveal(); got != c.want || time.Since(begin) != c.after {
					t.Errorf("got %q, %v after %v, want %q after %v", got, err, time.Since(begin), c.want, c.after)
				}
			})
		})
	}
}

// A refresh beside the requests that fails, hangs or meets an outage harms none of them while the token is good, the first
// failure neither.
func TestFailureBesideTheRequests(t *testing.T) {
	for name, spoil := range map[string]func(*replicas){
		"a failure":              func(r *replicas) { r.tokens.answer = failing(unavailable(0)) },
		"a call that hangs":      func(r *replicas) { r.tokens.takes = time.Hour },
		"an outage of the store": func(r *replicas) { r.store.down.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 2), &browser{}
				s := b.logIn(t, r.managers[0], goodFor(60*time.Second))
				spoil(r)
				for i := range 54 {
					begin := time.Now()
					token, err := r.managers[i%2].Token(t.Context(), s, 0)
					if token.Access.Reveal() != "access-1" || time.Since(begin) != 0 {
						t.Errorf("with %ds left: got %q, %v after %v", 60-i, token.Access.Reveal(), err, time.Since(begin))
					}
					pass(time.Second)
				}
				r.store.down.Store(false) // so that nothing is under way at the end
			})
		})
	}
}
