package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// Errors never repeat a secret, however the text that it stands in is broken; here each hunter2 is one.
func TestErrorsHideSecrets(t *testing.T) {
	for name, text := range map[string]string{
		"a value":                    "spotify:\n  client_secret: hunter2",
		"quotes":                     "spotify:\n  \"client_secret\": 'hunter2'",
		"braces":                     "spotify: {client_id: id, client_secret: hunter2}",
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
			_, err := Load(write(t, filepath.Join(t.TempDir(), "config.yaml"), text), environment())
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
