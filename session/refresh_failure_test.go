package session_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
	"stagedoor/session/memstore"
)

// wantError compares an error with what it has to be.
func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// unavailable is the error of a token endpoint that cannot be reached.
func unavailable(retryAfter time.Duration) error {
	return &session.RefreshUnavailableError{RetryAfter: retryAfter, Cause: errors.New("502 Bad Gateway")}
}

// failing answers every call with err.
func failing(err error) func(int) (session.Grant, error) {
	return func(int) (session.Grant, error) { return session.Grant{}, err }
}

func TestFailureWhileTheTokenIsGood(t *testing.T) {
	for name, failure := range map[string]error{
		"unavailable":       unavailable(0),
		"with Retry-After":  unavailable(20 * time.Second),
		"misconfigured":     fmt.Errorf("401: %w", session.ErrClientMisconfigured),
		"something unknown": errors.New("unknown"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 2), &browser{}
				r.tokens.answer = failing(failure)
				b.logIn(t, r.managers[0], goodFor(30*time.Second))
				for range 25 {
					for i, got := range r.askAll(t.Context(), b, 10) {
						if got.access != "access-1" || got.err != nil {
							t.Fatalf("request %d: got %q, %v, want the old token", i, got.access, got.err)
						}
					}
					pass(time.Second)
				}
				if calls := r.tokens.calls(); calls > 24 {
					t.Errorf("250 requests in 25s made %d calls to a sick endpoint", calls)
				}
			})
		})
	}
}

func TestRefreshThatTakesTooLong(t *testing.T) {
	for _, c := range []struct {
		name  string
		left  time.Duration
		want  string
		after time.Duration
	}{
		{"with a good token", 50 * time.Second, "access-1", 0},
		{"with one that ends meanwhile", littleLife, "", 15 * time.Second},
		{"without one", -time.Second, "", 15 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 2), &browser{}
				r.tokens.takes = 25 * time.Second
				b.logIn(t, r.managers[0], goodFor(c.left))
				for i, got := range r.askAll(t.Context(), b, 20) {
					var slow *session.RefreshUnavailableError
					if got.access != c.want || got.after != c.after || (c.want == "") != errors.As(got.err, &slow) {
						t.Errorf("request %d: got %q, %v after %v", i, got.access, got.err, got.after)
					}
				}
				pass(26 * time.Second)
				if got := ask(t.Context(), r.managers[1], b); got.access != "access-2" || r.tokens.calls() != 1 {
					t.Errorf("afterwards: got %q, %v with %d calls", got.access, got.err, r.tokens.calls())
				}
			})
		})
	}
}

// Failures without a good token answer 503, back off longer and longer, end nothing and heal.
func TestFailureWithoutAGoodToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		r.tokens.answer = failing(unavailable(0))
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		if backoff := wantUnavailable(t, r, b, true); backoff != 0 {
			t.Errorf("the first failure asks to stay away for %v", backoff)
		}
		for _, length := range []time.Duration{500, 1000, 2000, 4000, 8000, 15000, 15000} {
			length *= time.Millisecond
			wantUnavailable(t, r, b, true) // the endpoint is asked again, and the backoff begins
			backoff := wantUnavailable(t, r, b, false)
			if backoff < length/2 || backoff > length*3/2 {
				t.Errorf("a backoff of %v, want about %v", backoff, length)
			}
			pass(backoff - time.Millisecond)
			wantUnavailable(t, r, b, false)
			pass(time.Millisecond)
		}
		r.tokens.answer = nil
		if got := ask(t.Context(), r.managers[0], b); got.err != nil {
			t.Fatalf("the endpoint is well again: %v", got.err)
		}
		r.tokens.answer = failing(unavailable(0))
		pass(time.Hour)
		wantUnavailable(t, r, b, true)
		wantUnavailable(t, r, b, true) // and the count has begun anew: the first failure has no backoff
	})
}

// wantUnavailable asks for a token and wants a RefreshUnavailableError; called reports whether the endpoint shall be asked.
// It returns how long to stay away.
func wantUnavailable(t *testing.T, r *replicas, b *browser, called bool) time.Duration {
	t.Helper()
	before := r.tokens.calls()
	got := ask(t.Context(), r.managers[0], b)
	var unavailable *session.RefreshUnavailableError
	if !errors.As(got.err, &unavailable) {
		t.Fatalf("got %q, %v, want a RefreshUnavailableError", got.access, got.err)
	}
	if (r.tokens.calls() > before) != called {
		t.Fatalf("the endpoint was asked %d times; in a backoff is %v", r.tokens.calls()-before, !called)
	}
	return unavailable.RetryAfter
}

func TestRetryAfterOfTheTokenEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		r.tokens.answer = failing(unavailable(40 * time.Second))
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		if backoff := wantUnavailable(t, r, b, true); backoff != 40*time.Second {
			t.Errorf("the server asked for 40s, the request is told %v", backoff)
		}
		pass(10 * time.Second)
		if backoff := wantUnavailable(t, r, b, false); backoff != 30*time.Second {
			t.Errorf("10s later the request is told %v", backoff)
		}
		pass(30 * time.Second)
		wantUnavailable(t, r, b, true)
	})
}

// A wrong client secret is the operator's mistake: it ends no session.
func TestMisconfiguredClientEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		r.tokens.answer = failing(fmt.Errorf("401: %w", session.ErrClientMisconfigured))
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		version := r.store.version(t, b)
		for range 50 { // during backoffs and between them
			for _, got := range r.askAll(t.Context(), b, 4) {
				wantError(t, "with a wrong secret", got.err, session.ErrClientMisconfigured)
			}
			pass(time.Second)
		}
		if got := r.store.version(t, b); got != version {
			t.Errorf("the record went from version %d to %d", version, got)
		}
		if r.logs.FilterLevelExact(2).Len() == 0 {
			t.Error("the operator's mistake is not logged as an error")
		}
		r.tokens.answer = nil
		pass(time.Minute)
		if got := ask(t.Context(), r.managers[0], b); got.err != nil {
			t.Errorf("with the right secret: %v", got.err)
		}
	})
}

// Spotify refuses the client for all sessions alike, so they share the backoff.
func TestMisconfiguredClientIsAskedForAllSessionsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, 1)
		r.tokens.answer = failing(fmt.Errorf("401: %w", session.ErrClientMisconfigured))
		crowd := make([]browser, 100)
		for i := range crowd {
			crowd[i].logIn(t, r.managers[0], goodFor(-time.Minute))
		}
		for i := range crowd {
			wantError(t, "with a wrong secret", ask(t.Context(), r.managers[0], &crowd[i]).err, session.ErrClientMisconfigured)
		}
		if calls := r.tokens.calls(); calls > 2 {
			t.Errorf("100 sessions made %d calls in one moment", calls)
		}
		r.tokens.answer = nil
		pass(time.Minute)
		for i := range crowd {
			if got := ask(t.Context(), r.managers[0], &crowd[i]); got.err != nil {
				t.Fatalf("with the right secret: %v", got.err)
			}
		}
	})
}

// An ended grant is asked about once, for all requests and replicas, and its record is kept for a day.
func TestEndedGrant(t *testing.T) {
	for name, left := range map[string]time.Duration{"with a good token": littleLife, "without one": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 3), &browser{}
				r.tokens.takes = time.Second
				r.tokens.answer = failing(fmt.Errorf("400: %w", session.ErrGrantEnded))
				b.logIn(t, r.managers[0], goodFor(left))
				for range 3 {
					for _, got := range r.askAll(t.Context(), b, 60) {
						wantError(t, "a request", got.err, session.ErrReauthorize)
					}
				}
				if calls := r.tokens.calls(); calls != 1 {
					t.Errorf("the token endpoint was called %d times, want once", calls)
				}
				if r.audited("reauthorization_required", "invalid_grant") != 1 {
					t.Error("there is not one audit line for the end of the grant")
				}
				pass(24*time.Hour - time.Minute)
				_, err := peek(r.managers[1], b)
				wantError(t, "a day later", err, session.ErrReauthorize)
				if r.store.version(t, b) == 0 {
					t.Error("the record is gone before its day is over")
				}
				pass(time.Minute)
				_, err = peek(r.managers[1], b)
				wantError(t, "after a day", err, session.ErrNoSession)
			})
		})
	}
}

// What a refresh finds out about a session holds for the next request, though the store's news is still on its way.
func TestEndIsKnownAtOnce(t *testing.T) {
	for name, want := range map[string]error{"by Spotify": session.ErrReauthorize, "by another replica": session.ErrNoSession} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory, tokens := memstore.New(nil), &tokenEndpoint{answer: failing(session.ErrGrantEnded)}
				here := newManager(t, session.Options{
					Store: memory, Leases: memory, Refresh: tokens.refresh,
					Watch: func(ctx context.Context, w session.Watcher) {
						w.Missed()
						<-ctx.Done()
					},
				})
				synctest.Wait() // until it watches
				b := &browser{}
				b.logIn(t, here, goodFor(littleLife))
				mustPeek(t, here, b)
				if errors.Is(want, session.ErrNoSession) {
					other := newManager(t, session.Options{Store: memory, Leases: memory})
					still := &browser{cookies: maps.Clone(b.cookies)}
					if err := still.logOut(other); err != nil {
						t.Fatal(err)
					}
				}
				wantError(t, "the refresh", ask(t.Context(), here, b).err, want)
				_, err := peek(here, b)
				wantError(t, "the next request", err, want)
			})
		})
	}
}

// Using an ended session does not lengthen its day.
func TestEndedGrantIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		r.tokens.answer = failing(session.ErrGrantEnded)
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		wantError(t, "the refresh", ask(t.Context(), r.managers[0], b).err, session.ErrReauthorize)
		version := r.store.version(t, b)
		for range 23 {
			pass(time.Hour)
			_, err := find(r.managers[0], b)
			wantError(t, "a request", err, session.ErrReauthorize)
		}
		if got := r.store.version(t, b); got != version {
			t.Errorf("the record went from version %d to %d", version, got)
		}
	})
}
