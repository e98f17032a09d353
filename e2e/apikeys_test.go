package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestAPIKeys calls a shared account with the keys of its callers: one listed as it is, one by its hash.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	const plain, hidden, withHash = "kitchen-9f31c2d4", "garage-77d0aa41", "k#9v31c2d4e5f607 "
	digest := sha256.Sum256([]byte(hidden))
	listed := "sha256:" + hex.EncodeToString(digest[:])
	file := filepath.Join(t.TempDir(), "keys")
	stage.WriteFile(t, file, fmt.Sprintf("# who may call\n%s # the kitchen\r\n\n%s\n%s# the cellar\n", plain, listed, withHash))
	w := stage.NewWorld(t, stage.Options{
		Replicas: 2, Log: "debug", Accounts: fmt.Sprintf("box: {api_keys_file: %q}", file),
		Routes: stage.Pages{}.Route(t, "{path: /box/, upstream: spotify, credentials: account:box, methods: [GET, PUT], "+
			"allow: [me/player/currently-playing, me/player/pause]}"),
	})
	w.ConnectAccount(t, "box", "ada")
	v := w.Visitor()
	const path = "/box/me/player/currently-playing"
	for name, header := range map[string]string{
		"none": "", "wrong": "Bearer wrong", "empty": "Bearer ", "no scheme": plain, "Basic": "Basic " + plain,
		"the hash": "Bearer " + listed, "the digest": "Bearer " + hex.EncodeToString(digest[:]),
		"a comment": "Bearer # who may call",
		"both":      "Bearer " + plain + ", Bearer " + hidden, "half": "Bearer " + plain[:7],
		"what stands before a #": "Bearer k",
	} {
		a := v.Get(path, "Authorization", header)
		if a.Status != http.StatusUnauthorized || a.Reason() != "LOGIN_REQUIRED" || strings.Contains(a.Body, "login_url") {
			t.Errorf("%s: answered %d %s, want LOGIN_REQUIRED and no login_url: a login would not help", name, a.Status, a.Body)
		}
	}
	if count := len(w.Labels("/v1/me/player/currently-playing")); count != 0 {
		t.Errorf("%d of them reached Spotify", count)
	}
	for name, header := range map[string]string{
		"plain": "Bearer " + plain, "hashed": "Bearer " + hidden, "lower case": "bearer " + hidden,
		"with a #": "Bearer " + strings.TrimSpace(withHash),
	} {
		for i := range w.Replicas {
			w.Through(i)
			if a := v.Get(path, "Authorization", header); a.Status != http.StatusOK {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
			}
		}
	}
	script := v.Do(http.MethodPut, "/box/me/player/pause", "",
		"Authorization", "Bearer "+plain, "Origin", "https://elsewhere.example")
	if script.Status != http.StatusNoContent && script.Status != http.StatusOK {
		t.Errorf("PUT with a key answered %d %s; a key is no cookie, so other origins may", script.Status, script.Body)
	}
	for _, seen := range w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}}) {
		if text := fmt.Sprint(seen.Header, seen.Target); strings.Contains(text, plain) || strings.Contains(text, hidden) {
			t.Errorf("Spotify has seen a key: %s", text)
		}
	}
	for _, replica := range w.Replicas {
		if log := replica.Log(); strings.Contains(log, plain) || strings.Contains(log, hidden) {
			t.Error("the log holds a key")
		}
	}
}
