package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
)

// replace tells a replica that Spotify refused a token of the browser's.
func replace(ctx context.Context, t *testing.T, m *session.Manager, b *browser, rejected string) (string, error) {
	t.Helper()
	token, err := m.Replace(ctx, mustPeek(t, m, b), session.Token{Access: secret.New(rejected)})
	return token.Access.Reveal(), err
}

// A token that looks good and is refused is replaced by force, once in 30s over all replicas.
func TestForcedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		if got, err := replace(t.Context(), t, r.managers[0], b, "access-1"); got != "access-2" {
			t.Fatalf("got %q, %v, want a new token", got, err)
		}
		for _, m := range r.managers {
			s := mustPeek(t, m, b)
			token, err := m.Token(t.Context(), s, 0)
			wantError(t, "a token", err, nil)
			if m.IsRejected(s, token) {
				t.Error("a new token counts as rejected")
			}
			_, err = replace(t.Context(), t, m, b, "access-2")
			wantError(t, "at once again", err, session.ErrRefreshedLately)
			if !m.IsRejected(s, token) {
				t.Error("a rejected token does not count as such")
			}
		}
		pass(30*time.Second - time.Millisecond)
		_, err := replace(t.Context(), t, r.managers[1], b, "access-2")
		wantError(t, "just before 30s", err, session.ErrRefreshedLately)
		if calls := r.tokens.calls(); calls != 1 {
			t.Fatalf("the token endpoint was called %d times, want once", calls)
		}
		pass(time.Millisecond)
		if got, err := replace(t.Context(), t, r.managers[1], b, "access-2"); got != "access-3" {
			t.Errorf("after 30s: got %q, %v, want a new token", got, err)
		}
	})
}

// A refused token that somebody has replaced meanwhile needs no other refresh, not even within the 30s.
func TestForcedRefreshFindsAnotherToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		for _, m := range r.managers {
			if got, err := replace(t.Context(), t, m, b, "access-1"); got != "access-2" {
				t.Errorf("got %q, %v, want the token that is there", got, err)
			}
		}
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

func TestOneForcedRefreshForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 3), &browser{}
		r.tokens.takes = 3 * time.Second
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				if got, err := replace(t.Context(), t, r.managers[i%3], b, "access-1"); got != "access-2" {
					t.Errorf("request %d: got %q, %v", i, got, err)
				}
			})
		}
		wg.Wait()
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

// A forced refresh that meets one for another reason joins it.
func TestForcedRefreshJoinsTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.takes = 2 * time.Second
		b.logIn(t, r.managers[0], goodFor(littleLife))
		var wg sync.WaitGroup
		for i, m := range r.managers {
			wg.Go(func() {
				if got := ask(t.Context(), m, b); got.access != "access-2" {
					t.Errorf("request %d: got %q, %v", i, got.access, got.err)
				}
			})
			wg.Go(func() {
				pass(time.Second)
				if got, err := replace(t.Context(), t, m, b, "access-1"); got != "access-2" {
					t.Errorf("forced on replica %d: got %q, %v", i, got, err)
				}
			})
		}
		wg.Wait()
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("the token endpoint was called %d times, want once", calls)
		}
	})
}

// A forced refresh may join one that only waits to see what another replica has done, and what that brings is the very
// token that was refused: the request must not take it for a new one.
func TestForcedRefreshJoinsOneThatBringsNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.takes = time.Second
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		var wg sync.WaitGroup
		for i, after := range []time.Duration{0, 520 * time.Millisecond} { // the second looks again every 50ms
			wg.Go(func() {
				pass(after)
				if got := ask(t.Context(), r.managers[i], b); got.access != "access-2" {
					t.Errorf("replica %d: got %q, %v", i, got.access, got.err)
				}
			})
		}
		pass(1010 * time.Millisecond) // the first has written, the second has not looked
		got, err := replace(t.Context(), t, r.managers[1], b, "access-2")
		if !errors.Is(err, session.ErrRefreshedLately) {
			t.Errorf("got %q, %v, want ErrRefreshedLately", got, err)
		}
		wg.Wait()
	})
}

// A token that was refreshed because it was due may still be refused: the 30s count from the last forced refresh alone.
func TestForcedRefreshAfterAnOrdinaryOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		b.logIn(t, r.managers[0], goodFor(littleLife))
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" {
			t.Fatalf("got %q, %v", got.access, got.err)
		}
		if got, err := replace(t.Context(), t, r.managers[0], b, "access-2"); got != "access-3" {
			t.Errorf("got %q, %v, want a new token", got, err)
		}
	})
}

func TestForcedRefreshThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		r.tokens.answer = failing(unavailable(10 * time.Second))
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		var unavailable *session.RefreshUnavailableError
		if _, err := replace(t.Context(), t, r.managers[0], b, "access-1"); !errors.As(err, &unavailable) {
			t.Errorf("got %v, want a RefreshUnavailableError", err)
		}
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-1" {
			t.Errorf("the token that is there: got %q, %v", got.access, got.err)
		}
		r.tokens.answer = nil
		pass(10 * time.Second)
		if got, err := replace(t.Context(), t, r.managers[0], b, "access-1"); got == "" {
			t.Errorf("a failure counts as a forced refresh: %v", err)
		}
	})
}
