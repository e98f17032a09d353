package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestCheckOnline breaks what check -online asks, one thing after the other: each finding is one line, and only a fault
// costs the exit code.
func TestCheckOnline(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	good, err := os.ReadFile(w.Replicas[0].Config)
	if err != nil {
		t.Fatal(err)
	}
	nobody := sessiontest.FreeAddress(t)
	const (
		redisOK   = "ok: Redis keeps sessions"
		spotifyOK = "ok: Spotify accepts the client id and secret.\n"
	)
	for _, c := range []struct {
		name    string
		prepare func()
		replace []string
		code    int
		stdout  []string
		stderr  []string // one a line
	}{
		{"all is well", nil, nil, 0, []string{redisOK, spotifyOK, "\n  " + w.Balancer.URL + "/auth/callback\n"}, nil},
		{"a wrong secret", nil, []string{stage.ClientSecret, "hunter2"}, 1, []string{redisOK},
			[]string{"fault: Spotify refuses the client id or secret (invalid_client: "}},
		{"a wrong id", nil, []string{stage.ClientID, "nobody"}, 1, []string{redisOK}, []string{"fault: Spotify refuses the client id"}},
		{"no way to Spotify", nil, []string{w.Accounts.URL + "/api/token", "http://" + nobody + "/api/token"}, 1, []string{redisOK},
			[]string{"fault: Spotify gives no token (the token endpoint is unavailable: "}},
		{"no secret", nil, []string{"client_secret: \"" + stage.ClientSecret + "\"", "flow: authorization_code_pkce"}, 0,
			[]string{redisOK, "skipped: There is no client secret"}, nil},
		{"no Redis", nil, []string{"session:\n", "session:\n  store: memory\n"}, 0,
			[]string{"skipped: Sessions live in memory", spotifyOK}, nil},
		{"two problems", nil, []string{w.Redis.Addr(), nobody, stage.ClientSecret, "hunter2"}, 1, nil,
			[]string{"fault: Redis does not answer: ", "fault: Spotify refuses"}},
		{"a problem in the file", nil, []string{"session:\n", "session:\n  store: disk\n"}, 2, nil,
			[]string{`:3: session.store: "disk" is`}},
		{"an evicting Redis", func() {
			if _, err := w.Redis.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"); err != nil {
				t.Fatal(err)
			}
		}, nil, 0, []string{redisOK, spotifyOK}, []string{"warning: Redis evicts keys"}},
		{"Redis is down", w.Redis.Stop, nil, 1, []string{spotifyOK}, []string{"fault: Redis does not answer: "}},
	} {
		if c.prepare != nil {
			c.prepare()
		}
		config := filepath.Join(t.TempDir(), "config.yaml")
		stage.WriteFile(t, config, strings.NewReplacer(c.replace...).Replace(string(good)))
		code, stdout, stderr := stage.Stagedoor(t, nil, "check", "-config", config, "-online")
		if code != c.code {
			t.Errorf("%s: code %d, want %d", c.name, code, c.code)
		}
		for _, want := range c.stdout {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, stdout)
			}
		}
		lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
		matches := len(lines) == max(len(c.stderr), 1) // of nothing there is one line, which is empty
		for i := 0; matches && i < len(c.stderr); i++ {
			matches = strings.Contains(lines[i], c.stderr[i])
		}
		if !matches || len(c.stderr) == 0 && stderr != "" {
			t.Errorf("%s: standard error is\n%s\nwant %q", c.name, stderr, c.stderr)
		}
		for _, secret := range []string{stage.ClientSecret, "hunter2", w.Key.Reveal()} {
			if strings.Contains(stdout+stderr, secret) {
				t.Errorf("%s: it shows a secret:\n%s%s", c.name, stdout, stderr)
			}
		}
	}
}

// TestCheckSaysWhere compares what a person reads about two mistakes.
func TestCheckSaysWhere(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, config, "server:\n  lisen: 127.0.0.1:8080\nspotify: {client_id: id, client_secret: hunter2, flow: magic}\n"+
		"session: {keys: [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"]}\n")
	code, stdout, stderr := stage.Stagedoor(t, nil, "check", "-config", config)
	want := config + `:2:3: server.lisen: unknown key; did you mean listen?
` + config + `:3:50: spotify.flow: "magic" is not a flow; write authorization_code, authorization_code_pkce or implicit
`
	if code != 2 || stdout != "" || stderr != want {
		t.Errorf("code %d, %q, and\n%s\nwant\n%s", code, stdout, stderr, want)
	}
}

// TestSchema checks that the program needs no file for its schema.
func TestSchema(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := stage.Stagedoor(t, nil, "schema"); code != 0 || stdout != string(want) || stderr != "" {
		t.Errorf("code %d, %d bytes, %q; want config.schema.json with %d bytes", code, len(stdout), stderr, len(want))
	}
}
