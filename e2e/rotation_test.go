package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/secret"
	"stagedoor/session"
)

// TestSessionKeyRotation puts a new key first and then drops the old one, as an operator does, in the file that holds the
// keys. Users who came by meanwhile notice nothing; those with a session that the old key sealed log in again.
func TestSessionKeyRotation(t *testing.T) {
	stage.OnlyLong(t, "gateways are restarted again and again")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Users: 4})
	p, newKey := w.Replicas[0], session.NewKey()
	keys := filepath.Join(t.TempDir(), "keys")
	stage.WriteFile(t, keys, w.Key.Reveal()+"\n")
	edit(p, fmt.Sprintf("keys: [%q]", w.Key.Reveal()), "keys_file: "+keys)
	crowd := w.Crowd(3)
	active, forced, absent := crowd[0], crowd[1], crowd[2]
	if said := reload(p); !strings.Contains(said, `"changed":[]`) || !strings.Contains(said, keys) {
		t.Errorf("the same key in a file is something else: %s", said)
	}

	at := len(p.Log())
	stage.WriteFile(t, keys, newKey.Reveal()+"\n"+w.Key.Reveal()+"\n")
	expectSaid(t, "a new key before the old one", awaitReload(p, at), reloaded, `"changed":["session.keys"]`, keys)
	for _, f := range crowd {
		f.ExpectMe(f.User)
	}
	w.Spotify.ExpireAccessTokens()
	active.ExpectMe(active.User) // a refresh writes the session
	forced.ExpectMe(forced.User)
	late := w.Visitor()
	late.Login("fan0004")

	at = len(p.Log())
	stage.WriteFile(t, keys, "# only the new one\n"+newKey.Reveal()+"\n")
	expectSaid(t, "without the old key", awaitReload(p, at), reloaded, `"changed":["session.keys"]`)
	absent.Get("/api/me").Expect(t, "whose session the old key sealed", 401, "LOGIN_REQUIRED")
	if absent.Status().Authenticated {
		t.Error("a session under the retired key is still there")
	}
	active.ExpectMe(active.User)
	forced.ExpectMe(forced.User)
	late.ExpectMe("fan0004")
	absent.Login(absent.User)
	for _, line := range p.Logged(func(l stage.LogLine) bool { return l.Level == "error" || l.Status >= 500 }) {
		t.Errorf("the log says %+v", line)
	}
	for _, key := range []secret.Text{w.Key, newKey} {
		if strings.Contains(p.Log(), key.Reveal()) {
			t.Error("a session key is in the log")
		}
	}
}

// TestClientSecretRotation changes the secret at Spotify and in the file that holds it, while tokens are refreshed. Nobody
// is logged out, and the gateway heals by itself.
func TestClientSecretRotation(t *testing.T) {
	stage.OnlyLong(t, "gateways are restarted again and again")
	t.Parallel()
	const next = "e2e-secret-after-the-rotation"
	w := stage.NewWorld(t, stage.Options{Users: 2, Replicas: 2})
	w.Rotate()
	file := filepath.Join(t.TempDir(), "secret")
	stage.WriteFile(t, file, stage.ClientSecret+"\n")
	crowd := w.ExpiredCrowd(2)
	for _, p := range w.Replicas {
		edit(p, fmt.Sprintf("client_secret: %q", stage.ClientSecret), "client_secret_file: "+file)
		expectSaid(t, "the secret in a file", reload(p), reloaded, `"changed":[]`)
	}
	if err := w.Spotify.SetClientSecret(stage.ClientID, next); err != nil {
		t.Fatal(err)
	}
	for range 4 { // so that there is a pause
		crowd[0].Get("/api/me").Expect(t, "the old secret", 503, "CLIENT_MISCONFIGURED")
	}
	at := []int{len(w.Replicas[0].Log()), len(w.Replicas[1].Log())}
	stage.WriteFile(t, file, next+"\n")
	for i, p := range w.Replicas {
		expectSaid(t, "the new secret", awaitReload(p, at[i]), reloaded, `"changed":["spotify.client_secret"]`, file)
	}
	for i := range w.Replicas {
		w.Through(i)
		for _, f := range crowd {
			f.ExpectMe(f.User)
		}
	}
	again := w.Visitor()
	again.Login(crowd[0].User) // the login's own call has it too
	for _, p := range w.Replicas {
		if log := p.Log(); strings.Contains(log, next) || strings.Contains(log, stage.ClientSecret) {
			t.Error("a client secret is in the log")
		}
	}
	for _, p := range w.Replicas {
		if bad := p.Logged(func(l stage.LogLine) bool { return l.Path == "/api/me" && l.Status != 200 && l.Status != 503 }); len(bad) > 0 {
			t.Errorf("somebody who is logged in was told %+v", bad)
		}
	}
}
