package config

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// bare is a configuration that has only what it must have.
const bare = "spotify: {client_id: id, client_secret: hidden}\nsession: {keys: [" + testKey + "]}\n"

func goodText(t *testing.T, text string) *Loaded {
	t.Helper()
	loaded, err := load("config.yaml", text, environment())
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestSucceed(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b"} {
		made := newPair(t, "a.example", time.Now().Add(time.Hour))
		write(t, name, made.certificate+made.key)
	}
	const otherKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for name, test := range map[string]struct{ old, text, changed, kept string }{
		"nothing":       {bare, "# a comment\n" + bare, "", ""},
		"what is added": {bare, bare + "log: {level: debug}\nserver: {max_path: 3KiB, allowed_origins: [https://a.example]}\n", "server.allowed_origins server.max_path log.level", ""},
		"secrets": {bare, "spotify: {client_id: id, client_secret: another}\nsession: {keys: [" + otherKey + ", " + testKey + "]}\nredis: {password: x}\n",
			"spotify.client_secret session.keys redis.password", ""},
		"lists and maps": {bare, bare + "accounts: {radio: {}}\nroutes: [{path: /, upstream: spotify, credentials: app}]\n", "routes accounts", ""},
		"what needs a restart": {bare, bare + "server: {listen: 127.0.0.1:1, public_url: http://127.0.0.1:1, shutdown_timeout: 1s}\n" +
			"admin: {listen: \"\"}\nredis: {timeout: 1s, tls: {enabled: true}}\n", "server.shutdown_timeout", "server.listen server.public_url admin.listen redis.tls redis.timeout"},
		"another certificate":  {secure("a"), secure("b"), "server.tls.cert_file server.tls.key_file", ""},
		"TLS from now on":      {strings.Replace(secure("a"), "tls: {cert_file: a, key_file: a}", "", 1), secure("a"), "", "server.tls"},
		"no TLS from now on":   {secure("a"), strings.Replace(secure("a"), "tls: {cert_file: a, key_file: a}", "", 1), "", "server.tls"},
		"another client":       {bare, strings.Replace(bare, "client_id: id", "client_id: another", 1), "", "spotify.client_id"},
		"the names of cookies": {bare, strings.Replace(bare, "keys:", "cookie: {name: a, same_site: strict}, keys:", 1), "session.cookie.same_site", "session.cookie.name"},
	} {
		old, next := goodText(t, test.old), goodText(t, test.text)
		wanted := next.Config
		change, err := next.Succeed(old.Config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Join(change.Changed, " ") != test.changed || strings.Join(change.Kept, " ") != test.kept {
			t.Errorf("%s: changed %q and kept %q, want %q and %q", name, change.Changed, change.Kept, test.changed, test.kept)
		}
		if test.kept == "" && !reflect.DeepEqual(next.Config, wanted) {
			t.Errorf("%s: the configuration is not that of the file", name)
		}
		if test.changed == "" && !reflect.DeepEqual(next.Config, old.Config) {
			t.Errorf("%s: the configuration is not the old one", name)
		}
	}
}

func secure(file string) string {
	return bare + "server: {public_url: https://a.example, tls: {cert_file: " + file + ", key_file: " + file + "}}\n"
}

// What is good in a file may be bad beside what needs a restart.
func TestSucceedRefusesWhatDoesNotGoTogether(t *testing.T) {
	next := goodText(t, strings.Replace(bare, "session: {", "session: {cookie: {same_site: none}, ", 1)+"server: {public_url: https://a.example}\n")
	_, err := next.Succeed(goodText(t, bare).Config)
	if err == nil || !strings.Contains(err.Error(), "config.yaml:2:") || !strings.Contains(err.Error(), "need a restart") {
		t.Errorf("the error is %v", err)
	}
}

// Every key that needs a restart is one, and one that differs is named.
func TestFixedKeysExist(t *testing.T) {
	var all []string
	eachKey(reflect.TypeFor[Config](), "", func(path, name string) { all = append(all, join(path, name)) })
	for name, why := range fixed {
		if !slices.Contains(all, name) || why == "" {
			t.Errorf("%s is not a key, or has no reason why it needs a restart", name)
		}
	}
}

func TestAgain(t *testing.T) {
	folder := t.TempDir()
	path, secret := filepath.Join(folder, "config.yaml"), filepath.Join(folder, "secret")
	write(t, secret, "first")
	loaded, err := Load(write(t, path, strings.Replace(bare, "client_secret: hidden", "client_secret_file: secret", 1)), environment())
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "nonsense")
	write(t, secret, "second")
	again, err := loaded.Again()
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Config.Spotify.ClientSecret.Reveal(); got != "second" {
		t.Errorf("the secret is %q, want that of the file", got)
	}
	write(t, secret, "")
	if _, err := again.Again(); err == nil || !strings.Contains(err.Error(), path+":1:") {
		t.Errorf("an empty secret: %v", err)
	}
}
