package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// appEndpoint counts the app's tokens and takes a second for each.
type appEndpoint struct {
	calls atomic.Int64
	err   atomic.Pointer[error]
}

func (a *appEndpoint) grant(context.Context) (session.Grant, error) {
	n := a.calls.Add(1)
	pass(time.Second)
	if err := a.err.Load(); err != nil {
		return session.Grant{}, *err
	}
	return session.Grant{Token: grantNumber(int(n), time.Hour).Token}, nil
}

func (a *appEndpoint) managers(t *testing.T, count int) []*session.Manager {
	t.Helper()
	memory := memstore.New(nil)
	var managers []*session.Manager
	for range count {
		managers = append(managers, newManager(t, session.Options{Store: memory, Leases: memory, App: a.grant, Client: "client"}))
	}
	return managers
}

func appToken(t *testing.T, m *session.Manager) (string, error) {
	t.Helper()
	app, err := m.App(t.Context())
	if err != nil {
		return "", err
	}
	token, err := m.Token(t.Context(), app, 0)
	return token.Access.Reveal(), err
}

// All replicas share one token of the app, and fetch the next before it ends.
func TestAppTokenIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &appEndpoint{}
		managers := endpoint.managers(t, 3)
		for round, want := range []string{"access-1", "access-2"} {
			var wg sync.WaitGroup
			for i := range 60 {
				wg.Go(func() {
					if got, err := appToken(t, managers[i%3]); got != want || err != nil {
						t.Errorf("round %d: got %q, %v, want %q", round, got, err, want)
					}
				})
			}
			wg.Wait()
			pass(time.Hour - littleLife)
		}
		if calls := endpoint.calls.Load(); calls != 2 {
			t.Errorf("%d calls, want 2", calls)
		}
	})
}

// An app's token that is still good outlives the token endpoint's troubles; one that is not waits for their end.
func TestAppTokenInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &appEndpoint{}
		m := endpoint.managers(t, 1)[0]
		if _, err := appToken(t, m); err != nil {
			t.Fatal(err)
		}
		down := error(&session.RefreshUnavailableError{Cause: errors.New("down")})
		endpoint.err.Store(&down)
		pass(59*time.Minute + 30*time.Second)
		if got, err := appToken(t, m); got != "access-1" || err != nil {
			t.Errorf("while it is good: got %q, %v", got, err)
		}
		pass(time.Minute)
		var unavailable *session.RefreshUnavailableError
		if _, err := appToken(t, m); !errors.As(err, &unavailable) {
			t.Errorf("when it has ended: %v", err)
		}
		endpoint.err.Store(nil)
		pass(time.Minute)
		if got, err := appToken(t, m); got == "" || err != nil {
			t.Errorf("afterwards: got %q, %v", got, err)
		}
	})
}

func TestSharedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, 2)
		_, err := r.managers[0].Account(t.Context(), "radio")
		wantError(t, "before it is connected", err, session.ErrNoSession)
		login := session.Login{User: session.User{ID: "owner"}, Grant: goodFor(-time.Minute), AuthorizedAt: time.Now()}
		if err := r.managers[0].ConnectAccount(t.Context(), "radio", login); err != nil {
			t.Fatal(err)
		}
		for i, m := range r.managers {
			account, err := m.Account(t.Context(), "radio")
			if err != nil {
				t.Fatal(err)
			}
			token, err := m.Token(t.Context(), account, 0)
			if err != nil || token.Access.Reveal() != "access-2" || account.User().ID != "owner" || account.IsUser() {
				t.Errorf("replica %d: %q of %q, %v", i, token.Access.Reveal(), account.User().ID, err)
			}
		}
		if calls := r.tokens.calls(); calls != 1 {
			t.Errorf("%d refreshes, want 1", calls)
		}
		if removed, err := r.managers[1].Operator().RemoveAccount(t.Context(), "radio"); !removed || err != nil {
			t.Errorf("removed %t, %v", removed, err)
		}
		_, err = r.managers[0].Account(t.Context(), "radio")
		wantError(t, "after it was removed", err, session.ErrNoSession)
	})
}

// Connecting again replaces the grant, also one that Spotify has ended.
func TestSharedAccountIsConnectedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, 1)
		m := r.managers[0]
		r.tokens.answer = failing(session.ErrGrantEnded)
		connect := func(life time.Duration) *session.Session {
			t.Helper()
			login := session.Login{User: session.User{ID: "owner"}, Grant: goodFor(life), AuthorizedAt: time.Now()}
			if err := m.ConnectAccount(t.Context(), "radio", login); err != nil {
				t.Fatal(err)
			}
			account, err := m.Account(t.Context(), "radio")
			if err != nil {
				t.Fatal(err)
			}
			return account
		}
		_, err := m.Token(t.Context(), connect(-time.Minute), 0)
		wantError(t, "an ended grant", err, session.ErrReauthorize)
		_, err = m.Account(t.Context(), "radio")
		wantError(t, "an ended account", err, session.ErrReauthorize)
		if token, err := m.Token(t.Context(), connect(time.Hour), 0); err != nil || token.Access.Reveal() != "access-1" {
			t.Errorf("connected again: %q, %v", token.Access.Reveal(), err)
		}
	})
}

// An account that is removed and connected anew while its old grant is refreshed belongs to the new owner: the refresh must
// not write over the new grant, although both records were written once.
func TestSharedAccountConnectedAnewDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, 1)
		m := r.managers[0]
		connect := func(owner, access string, life time.Duration) {
			t.Helper()
			grant := goodFor(life)
			grant.Access = secret.New(access)
			login := session.Login{User: session.User{ID: owner}, Grant: grant, AuthorizedAt: time.Now()}
			if err := m.ConnectAccount(t.Context(), "radio", login); err != nil {
				t.Fatal(err)
			}
		}
		connect("old owner", "old", -time.Minute)
		account, err := m.Account(t.Context(), "radio")
		if err != nil {
			t.Fatal(err)
		}
		r.tokens.answer = func(int) (session.Grant, error) {
			if removed, err := m.Operator().RemoveAccount(t.Context(), "radio"); !removed || err != nil {
				t.Errorf("removed %t, %v", removed, err)
			}
			connect("new owner", "new", time.Hour)
			refreshed := goodFor(time.Hour)
			refreshed.Access = secret.New("of the old owner")
			return refreshed, nil
		}
		token, err := m.Token(t.Context(), account, 0)
		if err != nil || token.Access.Reveal() != "new" {
			t.Errorf("the refresh answers %q, %v", token.Access.Reveal(), err)
		}
		pass(time.Second) // a load in the instant of a deletion does not count
		account, err = m.Account(t.Context(), "radio")
		if err != nil || account.User().ID != "new owner" {
			t.Fatalf("the account is %v, %v", account, err)
		}
		if token, err := m.Token(t.Context(), account, 0); err != nil || token.Access.Reveal() != "new" {
			t.Errorf("the new owner's token is %q, %v", token.Access.Reveal(), err)
		}
	})
}
