package session

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// typicalRecord is as large as records of real users are.
func typicalRecord() record {
	at := time.Date(2026, 11, 20, 12, 0, 0, int(250*time.Millisecond), time.UTC)
	return record{
		user: User{
			ID: "31l77y2b4ypz3kqxh5l7v6d2ab4q", AccountID: "31l77y2b4ypz3kqxh5l7v6d2ab4q", DisplayName: "Ada Lovelace",
			Image: "https://i.scdn.co/image/ab6775700000ee85f1a2b3c4d5e6f708192a3b4c",
		},
		grant: Grant{
			Token: Token{
				Access: tokenText("BQ", 200), Expiry: at.Add(time.Hour),
				Scopes: []string{"user-read-private", "user-read-email", "streaming"},
			},
			Refresh: tokenText("AQ", 131),
		},
		userAgent:    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		authorizedAt: instantOf(at.Add(-time.Second)), createdAt: instantOf(at),
		lastSeenAt: instantOf(at.Add(time.Minute)), refreshedAt: instantOf(at.Add(2 * time.Minute)),
		expiresAt: instantOf(at.Add(time.Minute + 7*24*time.Hour)),
	}
}

// tokenText looks as random as Spotify's tokens, and is the same every time.
func tokenText(begin string, size int) secret.Text {
	random := rand.New(rand.NewPCG(uint64(size), 0))
	text := []byte(begin)
	for len(text) < size {
		text = append(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random.IntN(64)])
	}
	return secret.New(string(text))
}

func TestRecordRoundTrip(t *testing.T) {
	implicit := typicalRecord()
	implicit.grant.Refresh, implicit.grant.Scopes, implicit.refreshedAt = secret.Text{}, nil, 0
	hostile := typicalRecord()
	hostile.user.DisplayName, hostile.userAgent = "\u2028</script>\"\\\n\x00 ☃", "'; DROP TABLE"
	for name, want := range map[string]record{
		"typical": typicalRecord(), "full": fullRecord(), "without refresh token": implicit, "hostile": hostile, "empty": {},
	} {
		data, err := want.encode(testClient)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := decodeRecord(seal.FormatWritten, data, testClient)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// fullRecord has every field set.
func fullRecord() record {
	r := typicalRecord()
	r.forcedAt, r.ended = r.refreshedAt+1000, true
	r.expiresAt = r.lastSeenAt + instant(7*24*time.Hour/time.Millisecond)
	return r
}

// The round trip proves something about a field only when it is set.
func TestFullRecordIsFull(t *testing.T) {
	full := fullRecord()
	for _, value := range []reflect.Value{
		reflect.ValueOf(full), reflect.ValueOf(full.user), reflect.ValueOf(full.grant), reflect.ValueOf(full.grant.Token),
	} {
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("fullRecord leaves %v.%s empty; set it", value.Type(), value.Type().Field(i).Name)
			}
		}
	}
}

func TestRecordTakesLittleRoom(t *testing.T) {
	plain, err := typicalRecord().encode(testClient)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := managerFor(t, testClient).vault.seal(keyForID(kindSession, newID()), plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a typical record is %d bytes, sealed %d bytes", len(plain), len(sealed))
	if len(sealed) > 496 { // Redis gives 512 bytes to it, with its version and its header
		t.Errorf("a typical sealed record takes %d bytes, want at most 496", len(sealed))
	}
}

func TestDecodeRecordRefuses(t *testing.T) {
	for format, texts := range map[byte][]string{
		seal.FormatUnnamed: {"", "null garbage", "[]", `{"e":"tomorrow"}`, `{"s":"one scope"}`},
		seal.FormatNamed:   {"", "null garbage", "[]", `{"token_expires_at":"tomorrow"}`, `{"scopes":"one scope"}`},
	} {
		for _, text := range texts {
			if r, err := decodeRecord(format, []byte(text), ""); err == nil {
				t.Errorf("%q was taken for a record: %+v", text, r)
			}
		}
	}
	data, err := typicalRecord().encode(testClient)
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range []string{"", "another"} {
		if _, err := decodeRecord(seal.FormatWritten, data, client); !errors.Is(err, seal.ErrOtherClient) {
			t.Errorf("as a record of the client id %q: %v, want seal.ErrOtherClient", client, err)
		}
	}
}

func TestGrantSucceededBy(t *testing.T) {
	old := Grant{Token: Token{Access: secret.New("a1"), Scopes: []string{"one"}}, Refresh: secret.New("r1")}
	for _, c := range []struct {
		name        string
		next        Grant
		wantRefresh string
		wantScopes  []string
	}{
		{"keeps what is left out", Grant{Token: Token{Access: secret.New("a2")}}, "r1", []string{"one"}},
		{
			"keeps it when it is empty", Grant{Token: Token{Access: secret.New("a2"), Scopes: []string{}}, Refresh: secret.New("")},
			"r1", []string{"one"},
		},
		{"takes a new one", Grant{Token: Token{Access: secret.New("a2")}, Refresh: secret.New("r2")}, "r2", []string{"one"}},
		{"takes fewer scopes", Grant{Token: Token{Access: secret.New("a2"), Scopes: []string{"two"}}}, "r1", []string{"two"}},
	} {
		got := old.succeededBy(c.next)
		if got.Access.Reveal() != "a2" || got.Refresh.Reveal() != c.wantRefresh || !reflect.DeepEqual(got.Scopes, c.wantScopes) {
			t.Errorf("%s: access %q, refresh %q, scopes %q", c.name, got.Access.Reveal(), got.Refresh.Reveal(), got.Scopes)
		}
	}
}
