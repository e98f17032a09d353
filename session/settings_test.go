package session_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// settingsOf are the settings of a test's managers, changed.
func settingsOf(tokens *tokenEndpoint, keys ...secret.Text) session.Settings {
	s := session.Settings{Config: testConfig(), Refresh: tokens.refresh}
	if len(keys) > 0 {
		s.Config.Keys = keys
	}
	return s
}

func use(t *testing.T, m *session.Manager, s session.Settings) {
	t.Helper()
	if err := m.Use(s); err != nil {
		t.Fatal(err)
	}
}

// A key is replaced while the manager works, and while it remembers the sessions that it has just seen.
func TestUseOfOtherKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, tokens, newKey := memstore.New(nil), &tokenEndpoint{}, session.NewKey()
		store, active, absent := &switchStore{memory: memory}, &browser{}, &browser{}
		m := newManager(t, session.Options{Store: store, Leases: store, Watch: memory.Watch, Refresh: tokens.refresh})
		active.logIn(t, m, goodFor(-time.Minute))
		absent.logIn(t, m, goodFor(time.Hour))
		use(t, m, settingsOf(tokens, newKey, testKey))
		if got := ask(t.Context(), m, active); got.access != "access-2" { // the refresh seals it anew
			t.Fatalf("under the new key: got %q, %v", got.access, got.err)
		}
		pass(time.Second)
		mustPeek(t, m, absent) // from here on there is a fresh copy
		store.down.Store(true)
		mustPeek(t, m, absent)
		use(t, m, settingsOf(tokens, newKey))
		_, err := peek(m, absent)
		wantError(t, "a session that was seen a moment ago, in an outage", err, session.ErrStoreUnavailable)
		store.down.Store(false)
		_, err = peek(m, absent)
		wantError(t, "a session under the dropped key", err, session.ErrNoSession)
		mustPeek(t, m, active)
	})
}

// Activity alone moves a session to the new key, and the list of its user's sessions with it.
func TestUseSealsAnewWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, newKey, b := newReplicas(t, 1), session.NewKey(), &browser{}
		m := r.managers[0]
		s := b.logIn(t, m, goodFor(100*time.Hour))
		use(t, m, settingsOf(r.tokens, newKey, testKey))
		pass(testConfig().IdleTimeout / 5)
		if _, err := m.Find(b.request()); err != nil {
			t.Fatal(err)
		}
		use(t, m, settingsOf(r.tokens, newKey))
		mustPeek(t, m, b)
		if list, err := m.Sessions(t.Context(), s.User().ID); err != nil || len(list) != 1 {
			t.Errorf("the user has %d sessions, %v", len(list), err)
		}
	})
}

// One refresh a session holds also when the settings change under it; the next call is made with the new ones.
func TestUseDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		m, next := r.managers[0], &tokenEndpoint{}
		r.tokens.takes = 10 * time.Second
		b.logIn(t, m, goodFor(-time.Minute))
		answers := make(chan answer, 2)
		go func() { answers <- ask(t.Context(), m, b) }()
		synctest.Wait()
		use(t, m, settingsOf(next))
		go func() { answers <- ask(t.Context(), m, b) }()
		for range 2 {
			if got := <-answers; got.access != "access-2" {
				t.Errorf("got %q, %v", got.access, got.err)
			}
		}
		if r.tokens.calls() != 1 || next.calls() != 0 {
			t.Errorf("%d calls with the old settings and %d with the new, want 1 and 0", r.tokens.calls(), next.calls())
		}
		pass(time.Hour)
		if ask(t.Context(), m, b); r.tokens.calls() != 1 || next.calls() != 1 {
			t.Errorf("an hour later %d and %d calls, want 1 and 1", r.tokens.calls(), next.calls())
		}
	})
}

// A new secret heals at once, however long the backoffs have become.
func TestUseForgivesTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		m := r.managers[0]
		r.tokens.answer = failing(fmt.Errorf("401: %w", session.ErrClientMisconfigured))
		b.logIn(t, m, goodFor(-time.Minute))
		for range 10 {
			wantError(t, "with a wrong secret", ask(t.Context(), m, b).err, session.ErrClientMisconfigured)
			pass(time.Minute)
		}
		before := r.tokens.calls()
		wantError(t, "once more", ask(t.Context(), m, b).err, session.ErrClientMisconfigured)
		wantError(t, "during the backoff", ask(t.Context(), m, b).err, session.ErrClientMisconfigured)
		if calls := r.tokens.calls() - before; calls != 1 {
			t.Fatalf("%d calls, want one and then a backoff", calls)
		}
		use(t, m, settingsOf(&tokenEndpoint{}))
		if got := ask(t.Context(), m, b); got.access != "access-2" {
			t.Errorf("with the right secret: got %q, %v", got.access, got.err)
		}
	})
}

// A call with the old secret that is refused after the change says nothing about the new one.
func TestUseIgnoresALateRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b, other := newReplicas(t, 1), &browser{}, &browser{}
		m := r.managers[0]
		r.tokens.takes, r.tokens.answer = time.Second, failing(fmt.Errorf("401: %w", session.ErrClientMisconfigured))
		b.logIn(t, m, goodFor(-time.Minute))
		other.logIn(t, m, goodFor(-time.Minute))
		for range 5 { // so that the next failure backs off
			ask(t.Context(), m, b)
			pass(time.Minute)
		}
		answers := make(chan answer, 1)
		go func() { answers <- ask(t.Context(), m, b) }()
		synctest.Wait()
		use(t, m, settingsOf(&tokenEndpoint{}))
		wantError(t, "the call that was under way", (<-answers).err, session.ErrClientMisconfigured)
		for _, one := range []*browser{b, other} {
			if got := ask(t.Context(), m, one); got.err != nil {
				t.Errorf("right after it: %v", got.err)
			}
		}
	})
}

func TestUseRefuses(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	for what, change := range map[string]func(*session.Config){
		"no key":                   func(c *session.Config) { c.Keys = nil },
		"a bad key":                func(c *session.Config) { c.Keys = []secret.Text{secret.New("x")} },
		"another store":            func(c *session.Config) { c.Store = session.StoreMemory },
		"another name of a cookie": func(c *session.Config) { c.Cookie.Name = "other" },
	} {
		s := settingsOf(&tokenEndpoint{})
		change(&s.Config)
		if err := m.Use(s); err == nil {
			t.Errorf("%s is taken into use", what)
		}
	}
	mustPeek(t, m, b)
}
