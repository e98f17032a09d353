package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAPIKeys(t *testing.T) {
	const plain, hashed = "kitchen-9f31c2d4", "hashed"
	digest := sha256.Sum256([]byte(hashed))
	listed := "SHA256:" + strings.ToUpper(hex.EncodeToString(digest[:]))
	keys, err := ParseAPIKeys("# the kitchen radio\n " + plain + "\t# not part of it\r\n\n" + listed + " #\n#" + plain + "\nk#9v0123456789abc#\n")
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]bool{
		"Bearer " + plain: true, "bearer " + plain: true, "BEARER  " + plain + " ": true, "Bearer " + hashed: true,
		"Bearer k#9v0123456789abc#": true,
		"":                          false, "Bearer": false, "Bearer ": false, "Basic " + plain: false, "Bearer " + plain[1:]: false,
		"Bearer " + plain + " x": false, "Bearer # the kitchen radio": false, "Bearer " + listed: false, "Bearer #" + plain: false,
		"Bearer k": false, "Bearer k#": false, "Bearer k#9v0123456789abc": false, "Bearer " + plain + "\t# not part of it": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if got := keys.Admit(r); got != want {
			t.Errorf("%q: admitted %t, want %t", header, got, want)
		}
	}
	twice := httptest.NewRequest(http.MethodGet, "/", nil)
	twice.Header["Authorization"] = []string{"Bearer " + plain, "Bearer " + plain}
	if keys.Admit(twice) {
		t.Error("two Authorization headers are admitted")
	}
}

// keyLine is a line of a file of API keys, said in another way than ParseAPIKeys does: perhaps a key, perhaps a comment.
var keyLine = regexp.MustCompile(`^[ \t]*(?:([!"$-~][!-~]*)[ \t]*)??(?:(?:^|[ \t])#.*)?[\r\n]*$`)

// FuzzAPIKeys looks for a file that lets in anything but the keys that its lines hold, wholly.
func FuzzAPIKeys(f *testing.F) {
	digest := sha256.Sum256([]byte("hashed"))
	for _, text := range []string{
		"0123456789abcdef", "k#9v0123456789abc # x\r\n\n#y\n\t0123456789abcdef\t#", "sha256:" + hex.EncodeToString(digest[:]) + " ", "\uFEFF0123456789abcdef",
		"0123456789abcdef #", "0123456789abcdef\r0123456789abcdef", "SHA256:" + hex.EncodeToString(digest[:]), "0123456789abcdef #\x0b\n#", "#", "\r",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseAPIKeys(text)
		if err != nil {
			if keys != nil {
				t.Errorf("%q: %v, and keys", text, err)
			}
			return
		}
		var want [][sha256.Size]byte
		for _, line := range strings.SplitAfter(text, "\n") {
			found := keyLine.FindStringSubmatch(line)
			switch {
			case found == nil:
				t.Fatalf("%q: the line %q is no key and no comment", text, line)
			case found[1] == "":
			case strings.HasPrefix(strings.ToLower(found[1]), "sha256:"):
				raw, err := hex.DecodeString(found[1][len("sha256:"):])
				if err != nil || len(raw) != sha256.Size {
					t.Fatalf("%q: took the digest %q", text, found[1])
				}
				want = append(want, [sha256.Size]byte(raw))
			default:
				if len(found[1]) < 16 {
					t.Fatalf("%q: took the short key %q", text, found[1])
				}
				want = append(want, sha256.Sum256([]byte(found[1])))
			}
		}
		if !slices.Equal(keys.hashes, want) {
			t.Errorf("%q: %d keys, want %d", text, len(keys.hashes), len(want))
		}
	})
}
