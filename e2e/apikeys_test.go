package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// TestAPIKeys calls a shared account with the keys of its callers: one listed as it is, one by its hash.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	const plain, hidden, withHash = "kitchen-9f31c2d4", "garage-77d0aa41", "k#9v31c2d4e5f607 "
	digest := sha256.Sum256([]byte(hidden))
	listed := "sha256:" + hex.EncodeToString(digest[:])
	file := filepath.Join(t.TempDir(), "keys")
	writeFile(t, file, fmt.Sprintf("# who may call\n%s # the kitchen\r\n\n%s\n%s# the cellar\n", plain, listed, withHash))
	w := newWorld(t, options{
		replicas: 2, log: "debug", accounts: fmt.Sprintf("box: {api_keys_file: %q}", file),
		routes: pages{}.route(t, "{path: /box/, upstream: spotify, credentials: account:box, methods: [GET, PUT], "+
			"allow: [me/player/currently-playing, me/player/pause]}"),
	})
	w.connectAccount(t, "box", "ada")
	v := w.visitor()
	const path = "/box/me/player/currently-playing"
	for name, header := range map[string]string{
		"none": "", "wrong": "Bearer wrong", "empty": "Bearer ", "no scheme": plain, "Basic": "Basic " + plain,
		"the hash": "Bearer " + listed, "the digest": "Bearer " + hex.EncodeToString(digest[:]),
		"a comment": "Bearer # who may call",
		"both":      "Bearer " + plain + ", Bearer " + hidden, "half": "Bearer " + plain[:7],
		"what stands before a #": "Bearer k",
	} {
		a := v.get(path, "Authorization", header)
		if a.status != http.StatusUnauthorized || a.reason() != "LOGIN_REQUIRED" || strings.Contains(a.body, "login_url") {
			t.Errorf("%s: answered %d %s, want LOGIN_REQUIRED and no login_url: a login would not help", name, a.status, a.body)
		}
	}
	if count := len(w.labels("/v1/me/player/currently-playing")); count != 0 {
		t.Errorf("%d of them reached Spotify", count)
	}
	for name, header := range map[string]string{
		"plain": "Bearer " + plain, "hashed": "Bearer " + hidden, "lower case": "bearer " + hidden,
		"with a #": "Bearer " + strings.TrimSpace(withHash),
	} {
		for i := range w.replicas {
			w.through(i)
			if a := v.get(path, "Authorization", header); a.status != http.StatusOK {
				t.Errorf("%s: answered %d %s", name, a.status, a.body)
			}
		}
	}
	script := v.do(http.MethodPut, "/box/me/player/pause", "",
		"Authorization", "Bearer "+plain, "Origin", "https://elsewhere.example")
	if script.status != http.StatusNoContent && script.status != http.StatusOK {
		t.Errorf("PUT with a key answered %d %s; a key is no cookie, so other origins may", script.status, script.body)
	}
	for _, seen := range w.spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}}) {
		if text := fmt.Sprint(seen.Header, seen.Target); strings.Contains(text, plain) || strings.Contains(text, hidden) {
			t.Errorf("Spotify has seen a key: %s", text)
		}
	}
	for _, replica := range w.replicas {
		if log := replica.log(); strings.Contains(log, plain) || strings.Contains(log, hidden) {
			t.Error("the log holds a key")
		}
	}
}
