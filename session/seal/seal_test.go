package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"stagedoor/secret"
)

var (
	keyA = secret.New("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
	keyB = secret.New("QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=")
)

// testClient is the client id of what these tests seal: as long as Spotify's are.
const testClient = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

// newSecret is what a browser holds.
func newSecret() secret.Text { return secret.New(rand.Text()) }

func mustSealer(t testing.TB, keys ...secret.Text) *Sealer {
	t.Helper()
	s, err := New(keys, testClient)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSeal(t testing.TB, s *Sealer, secret secret.Text, place, plain string) []byte {
	t.Helper()
	sealed, err := s.Seal(secret, place, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealerOpensWhatItSealed(t *testing.T) {
	s, id := mustSealer(t, keyA), newSecret()
	for _, plain := range []string{"", "a", "\x00\xff", strings.Repeat("long ", 100_000)} {
		sealed := mustSeal(t, s, id, "place", plain)
		opened, err := s.Open(id, "place", sealed)
		if err != nil || string(opened) != plain {
			t.Errorf("%d bytes came back as %d bytes, %v", len(plain), len(opened), err)
		}
		if len(plain) > 4 && bytes.Contains(sealed, []byte(plain[:5])) {
			t.Error("the sealed text shows the plain one")
		}
		if again := mustSeal(t, s, id, "place", plain); bytes.Equal(again, sealed) {
			t.Error("sealing twice gives the same: the nonce is not random")
		}
	}
}

func TestSealerRefuses(t *testing.T) {
	id := newSecret()
	sealed := mustSeal(t, mustSealer(t, keyA), id, "place", "plain")
	for _, c := range []struct {
		name  string
		key   secret.Text
		id    secret.Text
		place string
	}{
		{"another key", keyB, id, "place"},
		{"another secret", keyA, newSecret(), "place"},
		{"no secret", keyA, secret.Text{}, "place"},
		{"another place", keyA, id, "another"},
		{"no place", keyA, id, ""},
	} {
		if plain, err := mustSealer(t, c.key).Open(c.id, c.place, sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: got %q and %v, want ErrSealed", c.name, plain, err)
		}
	}
}

func TestSealerRefusesEveryChange(t *testing.T) {
	s, id := mustSealer(t, keyA, keyB), newSecret()
	sealed := mustSeal(t, s, id, "place", "plain")
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if plain, err := s.Open(id, "place", changed); !errors.Is(err, ErrSealed) {
				t.Errorf("bit %d of byte %d flipped: got %q and %v, want ErrSealed", bit, i, plain, err)
			}
		}
		if plain, err := s.Open(id, "place", sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d bytes: got %q and %v, want ErrSealed", i, plain, err)
		}
	}
	if _, err := s.Open(id, "place", append(bytes.Clone(sealed), 0)); !errors.Is(err, ErrSealed) {
		t.Errorf("with a byte behind: got %v, want ErrSealed", err)
	}
}

func TestSealerRotation(t *testing.T) {
	id := newSecret()
	byA := mustSeal(t, mustSealer(t, keyA), id, "place", "old")
	both := mustSealer(t, keyB, keyA)
	byB := mustSeal(t, both, id, "place", "new")
	for name, c := range map[string]struct {
		sealer *Sealer
		sealed []byte
		want   string
	}{
		"the second key opens":        {both, byA, "old"},
		"the first key opens":         {both, byB, "new"},
		"the first key has sealed":    {mustSealer(t, keyB), byB, "new"},
		"the order is of no matter":   {mustSealer(t, keyA, keyB), byB, "new"},
		"a key may be there twice":    {mustSealer(t, keyA, keyA), byA, "old"},
		"the old key alone opens its": {mustSealer(t, keyA), byA, "old"},
	} {
		if plain, err := c.sealer.Open(id, "place", c.sealed); err != nil || string(plain) != c.want {
			t.Errorf("%s: got %q, %v", name, plain, err)
		}
	}
	if _, err := mustSealer(t, keyA).Open(id, "place", byB); !errors.Is(err, ErrSealed) {
		t.Errorf("the second key has sealed: %v", err)
	}
}

func TestSealerRefusesBadKeys(t *testing.T) {
	for name, keys := range map[string][]secret.Text{
		"none":        nil,
		"empty":       {secret.Text{}},
		"short":       {secret.New("c2hvcnQ=")},
		"33 bytes":    {secret.New("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB")},
		"no base64":   {secret.New("this is no key at all, as anyone can see")},
		"the second":  {keyA, secret.New("c2hvcnQ=")},
		"hexadecimal": {secret.New(strings.Repeat("ab", 32))},
	} {
		if _, err := New(keys, testClient); err == nil {
			t.Errorf("%s: the keys were taken", name)
		} else if len(keys) > 0 && keys[0].Reveal() != "" && strings.Contains(err.Error(), keys[len(keys)-1].Reveal()) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s, id := mustSealer(f, keyA, keyB), newSecret()
	sealed := mustSeal(f, s, id, "place", "plain")
	f.Add([]byte{})
	f.Add([]byte{FormatWritten})
	f.Add([]byte{FormatUnnamed})
	f.Add(sealed[:headerSize(sealed)])
	f.Add(sealed[:len(sealed)-1])
	f.Add(sealed)
	f.Add(append(bytes.Clone(sealed[:headerSize(sealed)]), make([]byte, 64)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		plain, err := s.Open(id, "place", text)
		if !bytes.Equal(before, text) {
			t.Error("open changed what it was given")
		}
		if bytes.Equal(text, sealed) {
			if err != nil || string(plain) != "plain" {
				t.Errorf("the sealed text itself: %q, %v", plain, err)
			}
			return
		}
		if !errors.Is(err, ErrSealed) {
			t.Errorf("got %q and %v, want ErrSealed", plain, err)
		}
	})
}
