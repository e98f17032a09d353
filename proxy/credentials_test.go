package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func keysFrom(t *testing.T, text string) (*apiKeys, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return readAPIKeys(path)
}

func TestAPIKeys(t *testing.T) {
	const plain, hashed = "kitchen-9f31c2d4", "hashed"
	digest := sha256.Sum256([]byte(hashed))
	listed := "SHA256:" + strings.ToUpper(hex.EncodeToString(digest[:]))
	keys, err := keysFrom(t, "# the kitchen radio\n "+plain+"\t# not part of it\r\n\n"+listed+" #\n#"+plain+"\nk#9v0123456789abc#\n")
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
		if got := keys.admit(r); got != want {
			t.Errorf("%q: admitted %t, want %t", header, got, want)
		}
	}
	twice := httptest.NewRequest(http.MethodGet, "/", nil)
	twice.Header["Authorization"] = []string{"Bearer " + plain, "Bearer " + plain}
	if keys.admit(twice) {
		t.Error("two Authorization headers are admitted")
	}
}

func TestAPIKeyFaults(t *testing.T) {
	const good = "kitchen-9f31c2d4"
	digest := sha256.Sum256([]byte(good))
	empty := sha256.Sum256(nil)
	for text, want := range map[string]string{
		"":                       "holds no key",
		"# nothing\n \t\r\n #\n": "holds no key",
		good + "\nsha256:abc\n":  "keys:2: what stands behind sha256:",
		"sha256:" + hex.EncodeToString(digest[:]) + "00": "keys:1: what stands behind sha256:",
		"sha256:" + hex.EncodeToString(digest[:]) + "#":  "keys:1: what stands behind sha256:",
		"sha256: " + hex.EncodeToString(digest[:]):       "keys:1: there is a blank behind 7 characters",
		"\n\nsha256:" + hex.EncodeToString(empty[:]):     "keys:3: this is the SHA-256 of an empty text",
		"#\nk#9v":                    "keys:2: the key has fewer than 16 characters",
		good[:15] + " \r\n":          "keys:1: the key has fewer than 16 characters",
		"\uFEFF" + good:              "keys:1: there is a byte-order mark",
		"\xff" + good:                "keys:1: the key has a character that is not printable ASCII",
		good + "\u00a0#":             "keys:1: the key has a character that is not printable ASCII",
		good + "\r" + good:           "keys:1: the key has a character that is not printable ASCII",
		good + " " + good:            "keys:1: there is a blank behind 16 characters",
		good + "\n\n " + good + "\n": "keys:3: the key is also in line 1",
		good + "\nsha256:" + hex.EncodeToString(digest[:]) + "\n": "keys:2: the key is also in line 1",
	} {
		_, err := keysFrom(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), good[:15]) || strings.Contains(err.Error(), "9v") {
			t.Errorf("%q: the error tells the key: %v", text, err)
		}
	}
	if _, err := readAPIKeys(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a missing file: %v", err)
	}
}

// keyLine is a line of a file of API keys, said in another way than parseAPIKeys does: perhaps a key, perhaps a comment.
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
		keys, err := parseAPIKeys(text)
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

func TestUserOperations(t *testing.T) {
	for operation, want := range map[string]bool{
		"GET /me": true, "GET /me/player": true, "HEAD /me": true, "PUT /playlists/1": true, "GET /tracks/1": false, "GET /mean": false,
	} {
		method, path, _ := strings.Cut(operation, " ")
		if got := isUserOperation(method, path); got != want {
			t.Errorf("%s: %t, want %t", operation, got, want)
		}
	}
}
