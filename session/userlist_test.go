package session_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
)

func mustList(t *testing.T, m *session.Manager, user string) []session.Summary {
	t.Helper()
	list, err := m.Sessions(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSessionsOfAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, laptop, phone := newManager(t, session.Options{}), &browser{}, &browser{}
		first := laptop.logIn(t, m, goodFor(time.Hour))
		pass(time.Minute)
		second := phone.logIn(t, m, goodFor(time.Hour))
		list := mustList(t, m, "ada")
		if len(list) != 2 || list[0].Handle != second.Handle() || list[1].Handle != first.Handle() {
			t.Fatalf("the list is %+v, want the younger session first", list)
		}
		if s := list[0]; s.User.ID != "ada" || s.User.DisplayName != "Ada Lovelace" || s.UserAgent != typicalUserAgent ||
			!s.CreatedAt.Equal(time.Now()) || !s.LastSeenAt.Equal(time.Now()) {
			t.Errorf("the entry is %+v", s)
		}
		if others := mustList(t, m, "ben"); len(others) != 0 {
			t.Errorf("ben has %+v", others)
		}
	})
}

// A handle names a session and is worth nothing as its cookie.
func TestHandleIsNoCookie(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	s := b.logIn(t, m, goodFor(time.Hour))
	thief := &browser{cookies: map[string]string{"stagedoor": s.Handle()}}
	_, err := m.Peek(thief.request())
	wantError(t, "the handle as a cookie", err, session.ErrNoSession)
}

func TestEndSessionByHandle(t *testing.T) {
	m, laptop, phone := newManager(t, session.Options{}), &browser{}, &browser{}
	laptop.logIn(t, m, goodFor(time.Hour))
	lost := phone.logIn(t, m, goodFor(time.Hour))
	wantError(t, "another user's handle", m.EndSession(t.Context(), "ben", lost.Handle()), session.ErrNoSession)
	mustPeek(t, m, phone)
	if err := m.EndSession(t.Context(), "ada", lost.Handle()); err != nil {
		t.Fatal(err)
	}
	_, err := m.Peek(phone.request())
	wantError(t, "the ended session", err, session.ErrNoSession)
	mustPeek(t, m, laptop)
	if list := mustList(t, m, "ada"); len(list) != 1 {
		t.Errorf("the list is %+v", list)
	}
	wantError(t, "the second time", m.EndSession(t.Context(), "ada", lost.Handle()), session.ErrNoSession)
}

// Logging out everywhere ends the session that asks, and those that ask no more.
func TestEndEverywhere(t *testing.T) {
	r, laptop, phone := newReplicas(t, 2), &browser{}, &browser{}
	laptop.logIn(t, r.managers[0], goodFor(time.Hour))
	phone.logIn(t, r.managers[1], goodFor(time.Hour))
	before := &browser{cookies: map[string]string{"stagedoor": laptop.cookies["stagedoor"]}}
	r.store.down.Store(true)
	wantError(t, "without the store", r.managers[0].End(httptest.NewRecorder(), laptop.request(), true), session.ErrStoreUnavailable)
	r.store.down.Store(false)
	mustPeek(t, r.managers[0], laptop)
	w := httptest.NewRecorder()
	if err := r.managers[0].End(w, laptop.request(), true); err != nil {
		t.Fatal(err)
	}
	laptop.receive(w)
	if laptop.cookies["stagedoor"] != "" {
		t.Error("the cookie stays")
	}
	for i, b := range []*browser{before, phone} {
		_, err := r.managers[i].Peek(b.request())
		wantError(t, "afterwards", err, session.ErrNoSession)
	}
	if err := r.managers[0].End(httptest.NewRecorder(), laptop.request(), true); err != nil {
		t.Errorf("twice: %v", err)
	}
}

// An index loses what timed out or was logged out, and never what lives.
func TestIndexPrunesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := testConfig()
		config.IdleTimeout = time.Hour
		m, idle, busy, out := newManager(t, session.Options{Config: config}), &browser{}, &browser{}, &browser{}
		idle.logIn(t, m, goodFor(100*time.Hour))
		kept := busy.logIn(t, m, goodFor(100*time.Hour))
		out.logIn(t, m, goodFor(100*time.Hour))
		if err := out.logOut(m); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			pass(30 * time.Minute)
			if _, err := m.Find(busy.request()); err != nil {
				t.Fatal(err)
			}
		}
		if list := mustList(t, m, "ada"); len(list) != 1 || list[0].Handle != kept.Handle() || !list[0].LastSeenAt.Equal(time.Now()) {
			t.Errorf("the list is %+v, want the busy session alone", list)
		}
	})
}

// Many logins of one user at the same moment are all listed.
func TestIndexOfManyLogins(t *testing.T) {
	const logins = 50
	r := newReplicas(t, 2)
	var wg sync.WaitGroup
	for i := range logins {
		wg.Go(func() { new(browser).logIn(t, r.managers[i%2], goodFor(time.Hour)) })
	}
	wg.Wait()
	if list := mustList(t, r.managers[0], "ada"); len(list) != logins {
		t.Errorf("%d sessions are listed, want %d", len(list), logins)
	}
}

// Idle time counts from the last use, also for a record that was written since: the session ends when its entry does.
func TestRefreshDoesNotOutliveTheIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1, func(c *session.Config) { c.IdleTimeout = time.Hour }), &browser{}
		b.logIn(t, r.managers[0], goodFor(2*time.Minute))
		pass(5 * time.Minute) // too early for another note of use
		if got := ask(t.Context(), r.managers[0], b); got.access != "access-2" {
			t.Fatalf("the refresh: %q, %v", got.access, got.err)
		}
		pass(55*time.Minute + time.Second)
		_, err := r.managers[0].Peek(b.request())
		wantError(t, "an hour after the last use", err, session.ErrNoSession)
		if list := mustList(t, r.managers[0], "ada"); len(list) != 0 {
			t.Errorf("the list is %+v", list)
		}
	})
}

// A logout everywhere is one logout and, for the other sessions, their revocation.
func TestEndEverywhereIsAudited(t *testing.T) {
	r, laptop, phone := newReplicas(t, 1), &browser{}, &browser{}
	laptop.logIn(t, r.managers[0], goodFor(time.Hour))
	phone.logIn(t, r.managers[0], goodFor(time.Hour))
	if err := r.managers[0].End(httptest.NewRecorder(), laptop.request(), true); err != nil {
		t.Fatal(err)
	}
	if logouts, revoked := r.audited("logout", "ok"), r.audited("revoke", "ok"); logouts != 1 || revoked != 1 {
		t.Errorf("%d logouts and %d revocations in the log, want one of each", logouts, revoked)
	}
}
