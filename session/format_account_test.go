package session

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
)

// An account that an older program connected is under its name alone. Whoever opens it first has it, and no other client
// id afterwards.
func TestOldAccountIsAdopted(t *testing.T) {
	text, err := os.ReadFile("testdata/account.1")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	first, second := managerFor(t, testClient), managerFor(t, "another")
	second.options.Store, second.options.Leases = first.options.Store, first.options.Leases
	now := fullRecord().createdAt.time().Add(24 * time.Hour)
	old := under(kindAccount, "radio")
	for _, m := range []*Manager{first, second} {
		m.options.Now = func() time.Time { return now }
		m.settings.Load().Refresh = func(context.Context, secret.Text) (Grant, error) { return typicalGrant(), nil }
	}
	if err := first.options.Store.Save(t.Context(), old.key, Entry{Version: 1, Data: sealed}, time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	account, err := first.Account(t.Context(), "radio")
	if err != nil || account.User().ID != typicalRecord().user.ID {
		t.Fatalf("the old account is %v, %v", account, err)
	}
	if _, err := first.Token(t.Context(), account); err != nil { // which refreshes and writes it
		t.Fatal(err)
	}
	if _, err := second.Account(t.Context(), "radio"); !errors.Is(err, ErrNoSession) {
		t.Errorf("with another client id it is there: %v", err)
	}
	if removed, err := second.RemoveAccount(t.Context(), "radio"); removed || err != nil {
		t.Errorf("with another client id it was removed: %v, %v", removed, err)
	}
	login := Login{User: User{ID: "ben"}, Grant: typicalGrant(), AuthorizedAt: now}
	if err := first.ConnectAccount(t.Context(), "radio", login); err != nil {
		t.Fatal(err)
	}
	if _, err := first.options.Store.Load(t.Context(), old.key); !errors.Is(err, ErrAbsent) {
		t.Errorf("connected again, the old grant is still there: %v", err)
	}
	if account, err = first.Account(t.Context(), "radio"); err != nil || account.User().ID != "ben" {
		t.Errorf("connected again, the account is %v, %v", account, err)
	}
}
