package session_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
)

// A new refresh token replaces the old one together with the access token; none or an empty one keeps it.
func TestRefreshTokenOfTheAnswer(t *testing.T) {
	for _, c := range []struct {
		name    string
		refresh string // in the answer
		want    string // in the next call
	}{
		{"rotated", "refresh-9", "refresh-9"},
		{"left out", "", "refresh-1"},
		{"the same again", "refresh-1", "refresh-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 2), &browser{}
				r.tokens.answer = func(n int) (session.Grant, error) {
					grant := grantNumber(n+1, time.Hour)
					grant.Refresh = secret.New(c.refresh)
					return grant, nil
				}
				b.logIn(t, r.managers[0], goodFor(-time.Minute))
				saves := r.store.saves.Load()
				if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" {
					t.Fatalf("got %q, %v", got.access, got.err)
				}
				if got := r.store.saves.Load() - saves; got != 1 {
					t.Errorf("the refresh wrote %d times, want one write of both tokens", got)
				}
				pass(time.Hour)
				if got := ask(t.Context(), r.managers[1], b); got.access != "access-3" {
					t.Fatalf("the next refresh: got %q, %v", got.access, got.err)
				}
				if got := r.tokens.last(); got != c.want {
					t.Errorf("the next refresh used %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestScopesOfTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		scopes := [][]string{nil, {"streaming"}}
		r.tokens.answer = func(n int) (session.Grant, error) {
			grant := grantNumber(n+1, time.Hour)
			grant.Scopes = scopes[n-1]
			return grant, nil
		}
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		for _, want := range [][]string{{"user-read-email", "streaming"}, {"streaming"}} {
			if got := ask(t.Context(), r.managers[0], b); got.err != nil {
				t.Fatal(got.err)
			}
			if got := mustPeek(t, r.managers[0], b).Scopes(); !slices.Equal(got, want) {
				t.Errorf("the scopes are %q, want %q", got, want)
			}
			pass(time.Hour)
		}
	})
}

func TestTokenIsUsedUntilItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		pass(59*time.Minute - time.Second)
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-1" || r.tokens.calls() != 0 {
			t.Errorf("with 61s left: got %q, %v, %d calls", got.access, got.err, r.tokens.calls())
		}
		pass(time.Second)
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-1" || got.after != 0 {
			t.Errorf("with 60s left: got %q, %v after %v", got.access, got.err, got.after)
		}
		synctest.Wait()
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" || r.tokens.calls() != 1 {
			t.Errorf("refreshed beside it: got %q, %v, %d calls", got.access, got.err, r.tokens.calls())
		}
	})
}

// A server whose tokens live shorter than the margin is not asked with every request.
func TestShortLivedTokensAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		r.tokens.answer = func(n int) (session.Grant, error) { return grantNumber(n+1, 20*time.Second), nil }
		b.logIn(t, r.managers[0], goodFor(20*time.Second))
		for range 100 {
			if got := ask(t.Context(), r.managers[0], b); got.err != nil {
				t.Fatal(got.err)
			}
			pass(time.Second)
		}
		if calls := r.tokens.calls(); calls != 10 {
			t.Errorf("100 requests in 100s with tokens of 20s made %d calls, want one in 10s", calls)
		}
	})
}

// A grant without a refresh token (the implicit one) is used to its end, and then only a new login helps.
func TestGrantWithoutRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		grant := goodFor(30 * time.Second)
		grant.Refresh = secret.Text{}
		b.logIn(t, r.managers[0], grant)
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-1" {
			t.Errorf("while it is good: got %q, %v", got.access, got.err)
		}
		s := mustPeek(t, r.managers[0], b)
		_, err := r.managers[0].Replace(t.Context(), s, grant.Token)
		wantError(t, "when it is refused", err, session.ErrReauthorize)
		mustPeek(t, r.managers[0], b) // a refusal does not end the session
		pass(30 * time.Second)
		_, err = r.managers[0].Token(t.Context(), s, 0)
		wantError(t, "a request that is under way when it ends", err, session.ErrReauthorize)
		_, err = peek(r.managers[0], b)
		wantError(t, "the next request", err, session.ErrReauthorize)
		if calls := r.tokens.calls(); calls != 0 {
			t.Errorf("the token endpoint was called %d times", calls)
		}
	})
}
