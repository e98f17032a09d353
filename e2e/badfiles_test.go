package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// TestFilesThatCannotBeUsed wants the same sentence and exit code 2 from every command that reads the configuration, whichever file
// it is that it names.
func TestFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage.pem")
	stage.WriteFile(t, garbage, "no PEM")
	for name, c := range map[string]struct{ text, want string }{
		"a certificate": {"server: {public_url: https://a.example, tls: {cert_file: garbage.pem, key_file: garbage.pem}}", "1:47: server.tls.cert_file: "},
		"an authority":  {"redis: {tls: {enabled: true, ca_file: garbage.pem}}", "1:30: redis.tls.ca_file: "},
		"an audit file": {"log: {audit_file: nowhere/audit.log}", "1:7: log.audit_file: "},
	} {
		config := filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".yaml")
		stage.WriteFile(t, config, c.text+`
spotify: {client_id: id, client_secret: secret}
session: {keys: [AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=]}
`)
		for _, command := range [][]string{{"check"}, {"serve"}, {"sessions", "list"}, {"accounts", "list"}} {
			code, _, said := stage.Stagedoor(t, nil, append(command, "-config", config)...)
			if code != 2 || !strings.Contains(said, config+":"+c.want) {
				t.Errorf("%s, %v: code %d, %q", name, command, code, said)
			}
		}
	}
}
