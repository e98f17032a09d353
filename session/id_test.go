package session

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// looksLikeID is the only form that an id has.
var looksLikeID = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newID()
		if seen[id.Reveal()] || !looksLikeID.MatchString(id.Reveal()) {
			t.Fatalf("%q is not new, or no id", id.Reveal())
		}
		seen[id.Reveal()] = true
		if parsed, ok := parseID(id.Reveal()); !ok || !parsed.Equal(id) {
			t.Fatalf("%q does not parse", id.Reveal())
		}
	}
}

// notIDs are what clients send instead of an id.
func notIDs() map[string]string {
	id := strings.Repeat("A", 43)
	return map[string]string{
		"nothing":                  "",
		"short":                    id[:42],
		"long":                     id + "A",
		"padded":                   id + "=",
		"standard base64":          "+/" + id[2:],
		"a space before":           " " + id[1:],
		"a line end inside":        id[:20] + "\n" + id[20:],
		"a carriage return behind": id + "\r",
		"bits beyond 256":          id[:42] + "B",
		"not ASCII":                "ä" + id[2:],
		"zero bytes":               strings.Repeat("\x00", 43),
		"a path":                   "../../../../../../../../../../../etc/passwd",
		"a Redis tag":              "{" + id[:41] + "}",
	}
}

func TestParseIDRefuses(t *testing.T) {
	for name, text := range notIDs() {
		if id, ok := parseID(text); ok || !id.IsZero() {
			t.Errorf("%s: %q was taken for an id", name, text)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(newID().Reveal())
	for _, text := range notIDs() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := parseID(text)
		if !ok {
			if !id.IsZero() {
				t.Error("something that is no id was returned")
			}
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || !looksLikeID.MatchString(text) || base64.RawURLEncoding.EncodeToString(raw) != text || id.Reveal() != text {
			t.Errorf("%q was taken for an id", text)
		}
	})
}

func FuzzCookieHeader(f *testing.F) {
	id := newID().Reveal()
	c, _ := newCookies(CookieConfig{SameSite: "lax"}, false, 0)
	f.Add("stagedoor=" + id)
	f.Add("stagedoor=" + id + "; stagedoor=" + newID().Reveal())
	f.Add("stagedoor=; stagedoor=" + id)
	f.Add(`stagedoor="` + id + `"; other=x`)
	f.Add("stagedoor=" + id + "\x00")
	f.Add("=;;=stagedoor,stagedoor=" + id)
	f.Fuzz(func(t *testing.T, header string) {
		found, ok := c.read(&http.Request{Header: http.Header{"Cookie": {header}}})
		if ok && (!looksLikeID.MatchString(found.Reveal()) || !strings.Contains(header, found.Reveal())) {
			t.Errorf("%q gave the id %q", header, found.Reveal())
		}
	})
}

func TestStoreKeyDoesNotTellTheID(t *testing.T) {
	id, other := newID(), newID()
	key := storeKey(kindSession, id)
	if !regexp.MustCompile(`^session:[0-9a-f]{64}$`).MatchString(key) || strings.Contains(key, id.Reveal()) {
		t.Errorf("the key of an id is %q", key)
	}
	if key == storeKey(kindSession, other) || key == storeKey(kindLogin, id) {
		t.Error("two ids or two kinds share a key")
	}
}

func TestLabel(t *testing.T) {
	key := storeKey(kindSession, newID())
	if got := label(key); len(got) != 8 || !strings.HasPrefix(key, "session:"+got) {
		t.Errorf("the label of %q is %q", key, got)
	}
	for _, short := range []string{"", "session:", "session:1234567"} {
		if got := label(short); got != "" {
			t.Errorf("the label of %q is %q, want none", short, got)
		}
	}
}

func TestNewKeyIsAKey(t *testing.T) {
	first, second := NewKey(), NewKey()
	if _, err := seal.New([]secret.Text{first, second}, testClient); err != nil {
		t.Error(err)
	}
	if first.Equal(second) {
		t.Error("two new keys are the same")
	}
}
