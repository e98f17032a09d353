package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/proxy/policy"
)

func keysFrom(t *testing.T, text string) (*policy.APIKeys, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return readAPIKeys(path)
}

func TestAPIKeyProblems(t *testing.T) {
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
