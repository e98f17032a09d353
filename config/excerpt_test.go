package config

import (
	"slices"
	"strings"
	"testing"
)

// TestExcerptsHideSecrets looks at every line of texts in which hunter2 is a secret, however the text is broken.
func TestExcerptsHideSecrets(t *testing.T) {
	for name, text := range map[string]string{
		"a value":                    "spotify:\n  client_secret: hunter2",
		"quotes":                     "spotify:\n  \"client_secret\": 'hunter2'",
		"braces":                     "spotify: {client_id: id, client_secret: hunter2, flow: hunter2}",
		"JSON":                       `{"redis":{"password":"hunter2","username":"hunter2"}}`,
		"a list":                     "session:\n  keys:\n  - hunter2\n  - hunter2\n    hunter2",
		"a list with colons":         "session:\n  keys:\n  - id:hunter2\n  - level: hunter2",
		"a list in brackets":         "session:\n  keys: [first,\n    hunter2,\nhunter2, hunter2]",
		"a text of several lines":    "redis:\n  password: |\n    one\n    hunter2\n\n    level: hunter2",
		"quotes of several lines":    "redis:\n  password: \"one\n  hunter2\"",
		"a slip":                     "redis:\n  pasword: hunter2",
		"a slip with what follows":   "redis:\n  pasword:\n    hunter2",
		"another program's key":      "redis:\n  auth_token: hunter2\n  pass: hunter2\n  secret: hunter2\nAPI_KEY: hunter2",
		"an unknown key":             "redis: {colour: hunter2}",
		"no colon":                   "spotify:\n  client_secret hunter2",
		"no space":                   "spotify:\n  client_secret:hunter2",
		"an equals sign":             "SPOTIFY_CLIENT_SECRET=hunter2\nexport CLIENT_SECRET = hunter2",
		"a tab":                      "redis:\n\tpassword: hunter2",
		"a URL":                      "redis: {addresses: [\"redis://:hunter2@127.0.0.1:6379\"]}",
		"a URL with a telling word":  "redis: {addresses: [\"redis://:hunter2-password@127.0.0.1:6379\"]}",
		"a default":                  "spotify:\n  client_secret: ${SECRET:-hunter2}",
		"the place of a file":        "redis:\n  password_file: hunter2\naccounts: {radio: {api_keys_file: hunter2}}",
		"a comment":                  "redis:\n  database: zero # hunter2",
		"the wrong section":          "server: {password: hunter2}",
		"a mapping below the secret": "spotify:\n  client_secret:\n    value: hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource("config.yaml", text)
			for i := range s.lines {
				if got := s.excerpt(Position{Line: i + 1, Column: 1}); strings.Contains(got, "hunter2") {
					t.Errorf("line %d shows\n%s", i+1, got)
				}
			}
		})
	}
}

// TestExcerptsShowTheRest holds the hiding to what is needed.
func TestExcerptsShowTheRest(t *testing.T) {
	for _, line := range []string{
		"server: {listen: 127.0.0.1:8080, public_url: https://music.example}",
		"  lisen: 127.0.0.1:8080",
		"  client_secret_file: /run/secrets/client_secret",
		"  client_secret: ${SPOTIFY_CLIENT_SECRET}",
		`  keys: ["${STAGEDOOR_SESSION_KEY}"]`,
		"  keys: []",
		"  token_url: http://127.0.0.1:9000/api/token",
		"  - {path: /api/, upstream: spotify, credentials: user}",
		"    credential: none",
		"  scopes: [user-read-private, playlist-modify-private]",
		"  flow: password",
		"  radio: {api_keys_file: ./keys}",
		"  certfile: tls.key",
		"  addresses: [redis:6379]",
		`  key_prefix: "stagedoor:"`,
	} {
		if got := withoutSecrets([]string{line})[0]; got != line {
			t.Errorf("of %q only %q is shown", line, got)
		}
	}
	lines := []string{"redis:", "  password: hunter2", "  database: zero", "log: {level: loud}"}
	if got := withoutSecrets(lines); !slices.Equal(got[2:], lines[2:]) {
		t.Errorf("after a secret %q is shown, want %q", got[2:], lines[2:])
	}
}

func TestExcerptsMarkTheColumn(t *testing.T) {
	long := "  listen: " + strings.Repeat("x", 90) + "HERE" + strings.Repeat("y", 90)
	for name, test := range map[string]struct {
		line   string
		column int
		want   string
	}{
		"a line":              {"log: {level: loud}", 7, "    1 | log: {level: loud}\n      |       ^"},
		"letters, not bytes":  {"log: {a: ü, level: loud}", 13, "    1 | log: {a: [redacted]\n      |             ^"},
		"what is hidden":      {"redis: {password: x, y}", 22, "    1 | redis: {password: [redacted]\n      |                      ^"},
		"beyond what is here": {"log:  ", 7, "    1 | log:\n      |    ^"},
		"nothing":             {"", 1, "    1 | \n      | ^"},
		"a terminal's orders": {"log: \x1b[2J\u202e\x00", 1, "    1 | log: �[2J��\n      | ^"},
		"a long line": {long, 101, "    1 | …" + strings.Repeat("x", 50) + "HERE" + strings.Repeat("y", 45) + "…\n" +
			"      | " + strings.Repeat(" ", 51) + "^"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource("config.yaml", test.line)
			if got := s.excerpt(Position{1, test.column}); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
