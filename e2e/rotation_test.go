package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/secret"
	"stagedoor/session"
)

// TestSessionKeyRotation puts a new key first and then drops the old one, as an operator does, in the file that holds the
// keys. Who came by meanwhile notices nothing; whose session the old key had sealed logs in again.
func TestSessionKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{users: 4})
	p, newKey := w.replicas[0], session.NewKey()
	keys := filepath.Join(t.TempDir(), "keys")
	writeFile(t, keys, w.key.Reveal()+"\n")
	p.edit(fmt.Sprintf("keys: [%q]", w.key.Reveal()), "keys_file: "+keys)
	crowd := w.crowd(3)
	active, forced, absent := crowd[0], crowd[1], crowd[2]
	if said := p.reload(); !strings.Contains(said, `"changed":[]`) || !strings.Contains(said, keys) {
		t.Errorf("the same key in a file is something else: %s", said)
	}

	at := len(p.log())
	writeFile(t, keys, newKey.Reveal()+"\n"+w.key.Reveal()+"\n")
	expectSaid(t, "a new key before the old one", p.awaitReload(at), reloaded, `"changed":["session.keys"]`, keys)
	for _, f := range crowd {
		f.expectMe(f.user)
	}
	w.spotify.ExpireAccessTokens()
	active.expectMe(active.user) // a refresh writes the session
	forced.expectMe(forced.user)
	late := w.visitor()
	late.login("fan0004")

	at = len(p.log())
	writeFile(t, keys, "# only the new one\n"+newKey.Reveal()+"\n")
	expectSaid(t, "without the old key", p.awaitReload(at), reloaded, `"changed":["session.keys"]`)
	absent.get("/api/me").expect(t, "whose session the old key sealed", 401, "LOGIN_REQUIRED")
	if absent.status().Authenticated {
		t.Error("a session under the retired key is still there")
	}
	active.expectMe(active.user)
	forced.expectMe(forced.user)
	late.expectMe("fan0004")
	absent.login(absent.user)
	for _, line := range p.logged(func(l logLine) bool { return l.Level == "error" || l.Status >= 500 }) {
		t.Errorf("the log says %+v", line)
	}
	for _, key := range []secret.Text{w.key, newKey} {
		if strings.Contains(p.log(), key.Reveal()) {
			t.Error("a session key is in the log")
		}
	}
}

// TestClientSecretRotation changes the secret at Spotify and in the file that holds it, while tokens are refreshed. Nobody
// is logged out, and the gateway heals by itself.
func TestClientSecretRotation(t *testing.T) {
	t.Parallel()
	const next = "e2e-secret-after-the-rotation"
	w := newWorld(t, options{users: 2, replicas: 2})
	w.rotate()
	file := filepath.Join(t.TempDir(), "secret")
	writeFile(t, file, clientSecret+"\n")
	crowd := w.expiredCrowd(2)
	for _, p := range w.replicas {
		p.edit(fmt.Sprintf("client_secret: %q", clientSecret), "client_secret_file: "+file)
		expectSaid(t, "the secret in a file", p.reload(), reloaded, `"changed":[]`)
	}
	if err := w.spotify.SetClientSecret(clientID, next); err != nil {
		t.Fatal(err)
	}
	for range 4 { // so that there is a pause
		crowd[0].get("/api/me").expect(t, "the old secret", 503, "CLIENT_MISCONFIGURED")
	}
	at := []int{len(w.replicas[0].log()), len(w.replicas[1].log())}
	writeFile(t, file, next+"\n")
	for i, p := range w.replicas {
		expectSaid(t, "the new secret", p.awaitReload(at[i]), reloaded, `"changed":["spotify.client_secret"]`, file)
	}
	for i := range w.replicas {
		w.through(i)
		for _, f := range crowd {
			f.expectMe(f.user)
		}
	}
	again := w.visitor()
	again.login(crowd[0].user) // the login's own call has it too
	for _, p := range w.replicas {
		if log := p.log(); strings.Contains(log, next) || strings.Contains(log, clientSecret) {
			t.Error("a client secret is in the log")
		}
	}
	for _, p := range w.replicas {
		if bad := p.logged(func(l logLine) bool { return l.Path == "/api/me" && l.Status != 200 && l.Status != 503 }); len(bad) > 0 {
			t.Errorf("somebody who is logged in was told %+v", bad)
		}
	}
}
