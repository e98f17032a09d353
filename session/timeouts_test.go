package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
	"stagedoor/session/memstore"
)

// shortLived sets an idle timeout of ten minutes and a lifetime of an hour.
func shortLived(c *session.Config) { c.IdleTimeout, c.MaxLifetime = 10*time.Minute, time.Hour }

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2, shortLived), &browser{}
		b.logIn(t, r.managers[0], goodFor(2*time.Hour))
		pass(10*time.Minute - time.Millisecond)
		mustPeek(t, r.managers[1], b)
		pass(time.Millisecond)
		for _, m := range r.managers {
			_, err := find(m, b)
			wantError(t, "after ten idle minutes", err, session.ErrNoSession)
		}
	})
}

func TestUseExtendsTheSessionUpToItsLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2, shortLived), &browser{}
		b.logIn(t, r.managers[0], goodFor(2*time.Hour))
		end := time.Now().Add(time.Hour)
		for i := range 11 {
			pass(5 * time.Minute)
			if _, err := find(r.managers[i%2], b); err != nil {
				t.Fatalf("after %d minutes in use: %v", 5*(i+1), err)
			}
		}
		if got := mustPeek(t, r.managers[0], b).ExpiresAt(); !got.Equal(end) {
			t.Errorf("it expires at %v, want the end of its lifetime at %v", got, end)
		}
		pass(5*time.Minute - time.Millisecond)
		mustPeek(t, r.managers[0], b)
		pass(time.Millisecond)
		_, err := find(r.managers[0], b)
		wantError(t, "after its lifetime", err, session.ErrNoSession)
	})
}

func TestPeekDoesNotExtendTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1, shortLived), &browser{}
		b.logIn(t, r.managers[0], goodFor(2*time.Hour))
		end := time.Now().Add(10 * time.Minute)
		for range 9 {
			pass(time.Minute)
			if got := mustPeek(t, r.managers[0], b).ExpiresAt(); !got.Equal(end) {
				t.Errorf("after a look it expires at %v, want %v", got, end)
			}
		}
		pass(time.Minute)
		_, err := peek(r.managers[0], b)
		wantError(t, "after ten minutes of looks", err, session.ErrNoSession)
		if got := r.store.saves.Load(); got != 1 {
			t.Errorf("%d writes, want that of the login alone", got)
		}
	})
}

// Activity is written at most every tenth of the idle timeout, over all replicas.
func TestActivityIsWrittenSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 3, shortLived), &browser{}
		b.logIn(t, r.managers[0], goodFor(2*time.Hour))
		for i := range 3000 {
			pass(time.Second)
			if _, err := find(r.managers[i%3], b); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.store.saves.Load() - 1; got != 50 {
			t.Errorf("3000 requests in 50 minutes wrote %d times, want once a minute", got)
		}
	})
}

// A session cannot outlive the user's authorization, which may be older than the session.
func TestSessionEndsWithTheAuthorization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &switchStore{memory: memstore.New(nil)}
		m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
		authorized := time.Now().Add(-session.GrantLifetime + 5*time.Second)
		w := newAnswer()
		s, err := m.Create(w, b.request(), session.Login{Grant: goodFor(time.Hour), AuthorizedAt: authorized})
		if err != nil {
			t.Fatal(err)
		}
		b.receive(w)
		if want := time.Now().Add(5 * time.Second); !s.ExpiresAt().Equal(want) || !s.ReauthorizeBy().Equal(want) {
			t.Errorf("it expires at %v and is to be authorized again by %v, want %v for both", s.ExpiresAt(), s.ReauthorizeBy(), want)
		}
		mustPeek(t, m, b)
		store.down.Store(true)
		pass(5 * time.Second)
		_, err = peek(m, b)
		wantError(t, "a cached copy after six months", err, session.ErrReauthorize)
		store.down.Store(false)
		if s, err := find(m, b); err == nil {
			t.Errorf("after six months there is still %v", s)
		}
	})
}

func TestLoginWithAnOldAuthorizationIsRefused(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	w := newAnswer()
	sixMonthsAgo := time.Now().Add(-session.GrantLifetime)
	_, err := m.Create(w, b.request(), session.Login{Grant: goodFor(time.Hour), AuthorizedAt: sixMonthsAgo})
	if err == nil || len(w.Result().Cookies()) > 0 {
		t.Errorf("got %v and the cookies %v", err, w.Result().Cookies())
	}
}
