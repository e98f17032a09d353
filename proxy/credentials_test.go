package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	digest := sha256.Sum256([]byte("hashed"))
	keys, err := keysFrom(t, "# the kitchen radio\nplain # not part of it\n\nsha256:"+hex.EncodeToString(digest[:])+"\n")
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]bool{
		"Bearer plain": true, "bearer plain": true, "Bearer hashed": true,
		"": false, "Bearer": false, "Bearer ": false, "Basic plain": false, "Bearer plai": false, "Bearer plain x": false,
		"Bearer # the kitchen radio": false, "Bearer sha256:" + hex.EncodeToString(digest[:]): false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if got := keys.admit(r); got != want {
			t.Errorf("%q: admitted %t, want %t", header, got, want)
		}
	}
	twice := httptest.NewRequest(http.MethodGet, "/", nil)
	twice.Header["Authorization"] = []string{"Bearer plain", "Bearer plain"}
	if keys.admit(twice) {
		t.Error("two Authorization headers are admitted")
	}
}

func TestAPIKeyFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "holds no key",
		"# nothing\n":        "holds no key",
		"good\nsha256:abc\n": "keys:2: ",
	} {
		if _, err := keysFrom(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
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
