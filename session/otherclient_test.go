package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/session"
	"stagedoor/session/memstore"
)

// newClients starts one replica for each client id, over one store and with one session key. Each has a token endpoint
// that knows only the refresh tokens of its own client id; the counts are of all.
func newClients(t *testing.T, clients ...string) *replicas {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	r := &replicas{store: &switchStore{memory: memstore.New(nil)}, tokens: &tokenEndpoint{}, logs: logs}
	for _, client := range clients {
		r.managers = append(r.managers, newManager(t, session.Options{
			Store: r.store, Leases: r.store, Watch: r.store.watch, Refresh: r.tokens.refresh, Log: zap.New(core), Client: client,
		}))
	}
	return r
}

// said counts the lines that tell of another client id's records.
func (r *replicas) said() int { return r.logs.FilterMessageSnippet("another spotify.client_id").Len() }

// A record of another client id is not opened, refreshed, changed or deleted, whatever a request asks for; and when the
// client id is the right one again, the session is as it was.
func TestSessionOfAnotherClient(t *testing.T) {
	for _, clients := range [][2]string{{"right", "wrong"}, {"right", ""}, {"", "wrong"}} {
		t.Run(clients[0]+" and "+clients[1], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { sessionOfAnotherClient(t, newClients(t, clients[0], clients[1])) })
		})
	}
}

func sessionOfAnotherClient(t *testing.T, r *replicas) {
	right, wrong, b := r.managers[0], r.managers[1], &browser{}
	b.logIn(t, right, goodFor(-time.Minute))
	before, err := r.store.Load(t.Context(), b.key())
	if err != nil {
		t.Fatal(err)
	}
	still := func() *browser { return &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}} }
	for range 10 {
		_, err := find(wrong, b)
		wantError(t, "a request", err, session.ErrNoSession)
		wantError(t, "a request for a token", ask(t.Context(), wrong, b).err, session.ErrNoSession)
	}
	w := newAnswer()
	if err := wrong.End(w, b.request(), true); err != nil {
		t.Errorf("logging out everywhere: %v", err)
	}
	if err := still().logOut(wrong); err != nil {
		t.Errorf("logging out: %v", err)
	}
	still().logIn(t, wrong, goodFor(time.Hour)) // replaces the cookie, and not the session
	after, err := r.store.Load(t.Context(), b.key())
	if err != nil || after.Version != before.Version || string(after.Data) != string(before.Data) {
		t.Fatalf("the record was touched: version %d became %d, %v", before.Version, after.Version, err)
	}
	if calls, held := r.tokens.calls(), r.store.acquires.Load(); calls != 0 || held != 0 {
		t.Errorf("there were %d refreshes and %d leases with the wrong client id", calls, held)
	}
	if said := r.said(); said != 1 {
		t.Errorf("the log tells of it %d times, want once", said)
	}
	if got := ask(t.Context(), right, b); got.access != "access-2" {
		t.Errorf("with the right client id: got %q, %v", got.access, got.err)
	}
}

// Each client id has accounts of its own, whatever their names.
func TestAccountsOfTwoClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newClients(t, "one", "two")
		one, two := r.managers[0], r.managers[1]
		connect := func(m *session.Manager, owner string) {
			t.Helper()
			login := session.Login{User: session.User{ID: owner}, Grant: goodFor(time.Hour), AuthorizedAt: time.Now()}
			if err := m.ConnectAccount(t.Context(), "radio", login); err != nil {
				t.Fatal(err)
			}
		}
		owned := func(m *session.Manager, owner string) {
			t.Helper()
			if account, err := m.Account(t.Context(), "radio"); err != nil || account.User().ID != owner {
				t.Errorf("the account of %q is %v, %v", owner, account, err)
			}
		}
		connect(one, "ada")
		_, err := two.Account(t.Context(), "radio")
		wantError(t, "another client id's account", err, session.ErrNoSession)
		if removed, err := two.Operator().RemoveAccount(t.Context(), "radio"); removed || err != nil {
			t.Errorf("another client id's account was removed: %v, %v", removed, err)
		}
		pass(time.Millisecond) // what ends and begins at one instant has ended
		connect(two, "ben")
		owned(one, "ada")
		owned(two, "ben")
		if removed, err := one.Operator().RemoveAccount(t.Context(), "radio"); !removed || err != nil {
			t.Errorf("the own account: %v, %v", removed, err)
		}
		owned(two, "ben")
	})
}

// The ticket of a link that was made under another client id does not open, and is not used up.
func TestTicketOfAnotherClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newClients(t, "one", "two")
		ticket, err := r.managers[0].Operator().IssueTicket(t.Context(), []byte("note"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.managers[1].OpenTicket(t.Context(), ticket.Reveal(), true)
		wantError(t, "with another client id", err, session.ErrNoTicket)
		if note, err := r.managers[0].OpenTicket(t.Context(), ticket.Reveal(), true); err != nil || string(note) != "note" {
			t.Errorf("with its own: %q, %v", note, err)
		}
	})
}
