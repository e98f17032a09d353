package gateway

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"stagedoor/config"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWatchedFiles(t *testing.T) {
	folder := t.TempDir()
	// As Kubernetes mounts a secret: secret -> ..data/secret, ..data -> a folder that is swapped.
	for _, version := range []string{"v1", "v2"} {
		if err := os.Mkdir(filepath.Join(folder, version), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(folder, version, "secret"), version)
	}
	link := func(target, name string) {
		t.Helper()
		_ = os.Remove(filepath.Join(folder, name)) // there may be none
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "..data")
	link("..data/secret", "secret")
	secret, keys := filepath.Join(folder, "secret"), filepath.Join(folder, "keys")
	put(t, keys, "a")
	w := watch(&config.Loaded{
		Config:      config.Config{Accounts: map[string]config.Account{"radio": {APIKeysFile: keys}, "open": {}}},
		SecretFiles: []string{secret},
	})
	looks := func(what string, want ...bool) {
		t.Helper()
		for i, wanted := range want {
			if got := w.changed(); got != wanted {
				t.Errorf("%s: look %d says %t", what, i+1, got)
			}
		}
	}
	looks("nothing", false, false)
	link("v2", "..data")
	looks("another folder, until it is used", false, true, true)
	again := watch(&config.Loaded{SecretFiles: []string{secret, keys}})
	if got := again.since(w); !slices.Equal(got, []string{secret}) {
		t.Errorf("what changed is %v", got)
	}
	w = again
	looks("what is in use", false)
	put(t, keys, "b")
	looks("half written", false)
	put(t, keys, "bc")
	looks("written", false, true)
	w.refused()
	looks("what was refused", false, false)
	put(t, keys, "a")
	looks("the old text", false, true)
	w.refused()
	if err := os.Remove(keys); err != nil {
		t.Fatal(err)
	}
	looks("a file that is gone", false, true)
}
