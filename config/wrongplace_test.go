package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong is told by its place. A text that should be a secret, or may be one because it stands where a secret should
// or where a slip of the hand puts it, is in no message: those end up in terminals and logs.
func TestProblemsHoldNoSecret(t *testing.T) {
	const secret = "9f3ac1d27b5e48d0a6c2e1f4b7d8093a"
	const client, key = "spotify:\n  client_id: id\n  ", "session: {keys: [" + testKey + "]}\n"
	folder := t.TempDir()
	write(t, filepath.Join(folder, "keys"), secret+"\n")
	for _, text := range []string{
		client + "client_secret: [%s]", client + "client_secret: {%s: 1}", client + "client_secret: {a: %s}",
		client + "client_secret:%s", client + "client_secret=%s", client + "client_secret=%s: x", client + "client_secret = %s",
		client + "%s", client + "%s: x", client + "client_secret: \"%s", client + "client_secret: '%s",
		client + "client_secret: \"%s\"x", client + "client_secret: \"a\" %s", client + "client_secret: [%s",
		client + "client_secret: {%s", client + "client_secret: a: %s", client + "client_secret: %s: a",
		client + " client_secret: %s", client + "\tclient_secret: %s", client + "client_secret: @%s", client + "client_secret: `%s",
		client + "client_secret: %%%s", client + "client_secret: &%s", client + "client_secret: *%s", client + "client_secret: !%s a",
		client + "client_secret: |%s", client + "client_secret: >%s", client + "client_secret: - %s", client + "client_secret: ? %s",
		client + "client_secret: ${%s}", client + "client_secret: ${%s", client + "client_secert: %s", client + "client_secret_file: %s",
		client + "client_secret: a\n  client_secret: %s", client + "client_secret_file: [%s]", client + "token_url: https://id:%s@h/",
		client + "token_url: https://h/?client_secret=%s", client + "token_url: h?client_secret=%s", "spotify: %s", "%s: spotify", "%s",
		"spotify: {client_id: id, client_secret:%s}", "spotify: {client_id: id, client_secret: %s", "\"%s\": 1", "{%s}",
		"session: {keys: %s}", "session: {keys: {%s}}", "session: {keys: [%s]}", "session: {keys: [[%s]]}", "session: {keys: ['%s', \"a\"]}",
		"session: {keys_file: %s}", "session: {keys_file: keys} # %s", "session: {key: %s}",
		key + "redis: {password: [%s]}", key + "redis: {database: %s}", key + "redis: {timeout: %s}",
		key + "redis: {addresses: ['redis://:%s@127.0.0.1:6379']}", key + "redis: {addresses: ['127.0.0.1:6379,password=%s']}",
		key + "redis: {addresses: ['redis://127.0.0.1:6379?password=%s']}", key + "redis: {addresses: '%s'}",
		key + "redis: {password_file: %s}", key + "accounts: {radio: %s}", key + "accounts: {radio: {api_keys_file: %s}}",
		key + "accounts: {radio: {api_keys: [%s]}}", key + "routes: [{path: /, upstream: 'http://u:%s@h/'}]",
		key + "server: {public_url: 'https://u:%s@h'}",
	} {
		text = fmt.Sprintf(text, secret)
		_, err := Load(write(t, filepath.Join(folder, "config.yaml"), text), environment())
		if err == nil {
			t.Errorf("this loads: %s", text)
		} else if strings.Contains(err.Error(), secret[:12]) {
			t.Errorf("%s\nis told by\n%v", text, err)
		}
	}
}
