package session_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
	"stagedoor/session/memstore"
)

// A replica serves sessions that it has just seen for 10s while the store is down, others not at all.
func TestOutageServesRecentSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b, unseen := newReplicas(t, 2), &browser{}, &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		unseen.logIn(t, r.managers[0], goodFor(time.Hour))
		mustPeek(t, r.managers[0], b)
		r.store.down.Store(true)
		for range 10 {
			if got := ask(t.Context(), r.managers[0], b); got.access != "access-1" {
				t.Errorf("within 10s: got %q, %v", got.access, got.err)
			}
			if _, err := find(r.managers[0], b); err != nil {
				t.Errorf("within 10s, as use: %v", err)
			}
			_, err := peek(r.managers[1], b)
			wantError(t, "on a replica that has not seen it", err, session.ErrStoreUnavailable)
			_, err = peek(r.managers[0], unseen)
			wantError(t, "a session that was not seen", err, session.ErrStoreUnavailable)
			pass(time.Second)
		}
		pass(time.Millisecond)
		_, err := peek(r.managers[0], b)
		wantError(t, "after 10s", err, session.ErrStoreUnavailable)
		r.store.down.Store(false)
		mustPeek(t, r.managers[0], b)
		mustPeek(t, r.managers[1], unseen)
	})
}

func TestOutageOfAnonymousBrowsers(t *testing.T) {
	store := &switchStore{memory: memstore.New(nil)}
	store.down.Store(true)
	m := newManager(t, session.Options{Store: store, Leases: store})
	_, err := peek(m, &browser{})
	wantError(t, "without a cookie", err, session.ErrNoSession)
}

// While the token is good, an outage does not matter to it; when it has ended, the store is the reason.
func TestOutageDuringTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		b.logIn(t, r.managers[0], goodFor(5*time.Second))
		mustPeek(t, r.managers[0], b)
		r.store.down.Store(true)
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-1" {
			t.Errorf("with a token that is due: got %q, %v", got.access, got.err)
		}
		pass(5 * time.Second)
		wantError(t, "with one that has ended", ask(t.Context(), r.managers[0], b).err, session.ErrStoreUnavailable)
		if calls := r.tokens.calls(); calls != 0 {
			t.Errorf("the token endpoint was called %d times without a lease", calls)
		}
		r.store.down.Store(false)
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" {
			t.Errorf("after the outage: got %q, %v", got.access, got.err)
		}
	})
}

// A logout that cannot be had is not pretended: the session lives and its cookie stays.
func TestLogoutDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		mustPeek(t, r.managers[0], b)
		r.store.down.Store(true)
		w := newAnswer()
		wantError(t, "the logout", r.managers[0].End(w, b.request(), false), session.ErrStoreUnavailable)
		if b.receive(w) != 0 {
			t.Errorf("it spoke of cookies: %v", w.Result().Cookies())
		}
		if r.audited("logout", "ok") != 0 {
			t.Error("the audit log has a logout that did not happen")
		}
		mustPeek(t, r.managers[0], b)
		r.store.down.Store(false)
		if err := b.logOut(r.managers[0]); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// What was deleted is not served from any replica's cache, even when the store goes down at once.
func TestOutageAfterALogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 3), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
		synctest.Wait() // until the replicas watch
		for _, m := range r.managers {
			mustPeek(t, m, b)
		}
		if err := b.logOut(r.managers[0]); err != nil {
			t.Fatal(err)
		}
		r.store.down.Store(true)
		for range 12 {
			for i, m := range r.managers {
				if s, err := peek(m, still); err == nil {
					t.Errorf("replica %d still serves %v", i, s)
				}
			}
			pass(time.Second)
		}
	})
}

// A replica needs no news to know what it has deleted itself.
func TestOutageAfterALogoutWithoutNews(t *testing.T) {
	store := &switchStore{memory: memstore.New(nil)}
	m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
	mustPeek(t, m, still)
	if err := b.logOut(m); err != nil {
		t.Fatal(err)
	}
	store.down.Store(true)
	if s, err := peek(m, still); err == nil {
		t.Errorf("the replica still serves %v", s)
	}
}

// A session that the store does not know any more is forgotten, although nobody said that it was deleted.
func TestOutageAfterTheSessionWasMissed(t *testing.T) {
	store := &switchStore{memory: memstore.New(nil)}
	m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	mustPeek(t, m, b)
	if _, err := store.memory.Delete(t.Context(), b.key()); err != nil {
		t.Fatal(err)
	}
	_, err := peek(m, b)
	wantError(t, "the deleted session", err, session.ErrNoSession)
	store.down.Store(true)
	if s, err := peek(m, b); err == nil {
		t.Errorf("the replica still serves %v", s)
	}
}

// The store may come back with the time of a session used up.
func TestOutageOutlastsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1, func(c *session.Config) { c.IdleTimeout, c.MaxLifetime = time.Minute, 8*time.Second }), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		pass(3 * time.Second)
		mustPeek(t, r.managers[0], b)
		r.store.down.Store(true)
		pass(5 * time.Second)
		_, err := peek(r.managers[0], b)
		wantError(t, "a cached copy after its lifetime", err, session.ErrNoSession)
	})
}

// A refresh that finds a session just before it is deleted must not bring it back: the deletion may be heard of before the
// refresh is done.
func TestRefreshThatSawTheSessionBeforeItsLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, tokens, watched := memstore.New(nil), &tokenEndpoint{}, make(chan session.Watcher, 1)
		store := &lateStore{Store: memory}
		here := newManager(t, session.Options{
			Store: store, Leases: memory, Refresh: tokens.refresh,
			Watch: func(ctx context.Context, w session.Watcher) {
				w.Missed()
				watched <- w
				<-ctx.Done()
			},
		})
		other := newManager(t, session.Options{Store: memory, Leases: memory, Refresh: tokens.refresh})
		b, news := &browser{}, <-watched
		b.logIn(t, other, goodFor(-time.Minute))
		expired := mustPeek(t, here, b)
		if got := ask(t.Context(), other, b); got.err != nil {
			t.Fatal(got.err)
		}
		store.loaded = func(key string) { // what the other replica has refreshed, and whose user then logs out
			if _, err := memory.Delete(t.Context(), key); err != nil {
				t.Error(err)
			}
			news.Gone(key)
			pass(time.Millisecond)
		}
		_, _ = here.Token(t.Context(), expired, 0) // whatever it says, the session is over
		store.loaded = nil
		if s, err := peek(here, b); err == nil {
			t.Errorf("after the logout the replica serves %v", s)
		}
	})
}

// lateStore answers a load when something else has happened.
type lateStore struct {
	*memstore.Store
	loaded func(key string)
}

func (s *lateStore) Load(ctx context.Context, key string) (session.Entry, error) {
	entry, err := s.Store.Load(ctx, key)
	if s.loaded != nil && strings.HasPrefix(key, "session:") {
		s.loaded(key)
	}
	return entry, err
}
