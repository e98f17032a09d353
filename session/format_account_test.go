package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// An account that an older program connected is under its name alone. The client id that opens it first has it, and no
// other client id has it afterwards.
func TestOldAccountIsAdopted(t *testing.T) {
	text, err := os.ReadFile("testdata/account.1")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) // a day after testdata/account.1 was made
	clock := func() time.Time { return now }
	grant := goodFor(time.Hour)
	grant.Expiry = now.Add(time.Hour)
	store := memstore.New(clock)
	open := func(client string) *session.Manager {
		c := testConfig()
		c.Keys = []secret.Text{secret.New("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")}
		return newManager(t, session.Options{
			Config: c, Client: client, Store: store, Leases: store, Now: clock,
			Refresh: func(context.Context, secret.Text) (session.Grant, error) { return grant, nil },
		})
	}
	first, second := open("0f1e2d3c4b5a69788796a5b4c3d2e1f0"), open("another")
	old := "account:" + sha256Hex("radio")
	if err := store.Save(t.Context(), old, session.Entry{Version: 1, Data: sealed}, time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	account, err := first.Account(t.Context(), "radio")
	if err != nil || account.User().ID != "31l77y2b4ypz3kqxh5l7v6d2ab4q" {
		t.Fatalf("the old account is %v, %v", account, err)
	}
	if _, err := first.Token(t.Context(), account, 0); err != nil { // which refreshes and writes it
		t.Fatal(err)
	}
	if _, err := second.Account(t.Context(), "radio"); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("with another client id it is there: %v", err)
	}
	if removed, err := second.Operator().RemoveAccount(t.Context(), "radio"); removed || err != nil {
		t.Errorf("with another client id it was removed: %v, %v", removed, err)
	}
	login := session.Login{User: session.User{ID: "ben"}, Grant: grant, AuthorizedAt: now}
	if err := first.ConnectAccount(t.Context(), "radio", login); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(t.Context(), old); !errors.Is(err, session.ErrAbsent) {
		t.Errorf("connected again, the old grant is still there: %v", err)
	}
	if account, err = first.Account(t.Context(), "radio"); err != nil || account.User().ID != "ben" {
		t.Errorf("connected again, the account is %v, %v", account, err)
	}
}
