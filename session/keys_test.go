package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// withKeys makes a manager over the store that has these keys.
func withKeys(t *testing.T, store *memstore.Store, tokens *tokenEndpoint, keys ...secret.Text) *session.Manager {
	t.Helper()
	config := testConfig()
	config.Keys = keys
	return newManager(t, session.Options{Config: config, Store: store, Leases: store, Refresh: tokens.refresh})
}

// A key is replaced in two steps: first it only opens, then it is retired. Who was active meanwhile notices nothing.
func TestKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		oldKey, newKey := session.NewKey(), session.NewKey()
		store, tokens := memstore.New(nil), &tokenEndpoint{}
		active, absent := &browser{}, &browser{}
		before := withKeys(t, store, tokens, oldKey)
		active.logIn(t, before, goodFor(-time.Minute))
		absent.logIn(t, before, goodFor(time.Hour))
		during := withKeys(t, store, tokens, newKey, oldKey)
		mustPeek(t, during, absent)
		if got := ask(t.Context(), during, active); got.access != "access-2" {
			t.Fatalf("during the rotation: got %q, %v", got.access, got.err)
		}
		after := withKeys(t, store, tokens, newKey)
		if got := ask(t.Context(), after, active); got.access != "access-2" {
			t.Errorf("whoever was active: got %q, %v", got.access, got.err)
		}
		_, err := peek(after, absent)
		wantError(t, "a session under the retired key", err, session.ErrNoSession)
		if err := absent.logOut(after); err != nil {
			t.Errorf("logging out of it: %v", err)
		}
	})
}

// A record that was moved below another id, or altered, is no session.
func TestTamperedRecord(t *testing.T) {
	store := memstore.New(nil)
	m, b, other := newManager(t, session.Options{Store: store, Leases: store}), &browser{}, &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	other.logIn(t, m, goodFor(time.Hour))
	e, err := store.Load(t.Context(), other.key())
	if err != nil {
		t.Fatal(err)
	}
	for version, data := range [][]byte{e.Data, {}, []byte(strings.Repeat("garbage", 100))} {
		tampered := session.Entry{Version: uint64(version) + 2, Data: data}
		if err := store.Save(t.Context(), b.key(), tampered, time.Hour, ""); err != nil {
			t.Fatal(err)
		}
		_, err := peek(m, b)
		wantError(t, "the tampered record", err, session.ErrNoSession)
	}
	mustPeek(t, m, other)
}

func TestManagerRefusesBadKeys(t *testing.T) {
	store := memstore.New(nil)
	config := testConfig()
	config.Keys = nil
	if _, err := session.NewManager(session.Options{Config: config, Store: store, Leases: store}); err == nil {
		t.Error("a manager without a key was made")
	}
}
