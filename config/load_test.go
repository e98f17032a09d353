package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"stagedoor/internal/bytesize"
	"stagedoor/proxy"
	"stagedoor/secret"
)

// testKey is a session key of 32 bytes.
const testKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// environment is a getenv over pairs of NAME and value.
func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// complete is the least that a configuration must have.
const complete = "spotify: {client_id: id, client_secret: secret}\nsession: {keys: [" + testKey + "]}\n"

func mustLoad(t *testing.T, text string, env ...string) *Loaded {
	t.Helper()
	loaded, err := load("config.yaml", text, environment(env...))
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return loaded
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLeavingOutMeansDefault(t *testing.T) {
	want := Default()
	want.Spotify.ClientID = "id"
	want.Spotify.ClientSecret = secret.New("secret")
	want.Session.Keys = []secret.Text{secret.New(testKey)}
	for name, text := range map[string]string{
		"the least":           complete,
		"null sections":       complete + "server:\nadmin: ~\nlog: null\nroutes:\naccounts:\nquota:\n",
		"null values":         complete + "server: {listen: , tls: ~}\nlog: {level: }\nredis:\n  addresses:\n",
		"empty sections":      complete + "server: {}\nadmin: {}\naccounts: {}\nquota: {}\n",
		"a document marker":   "---\n" + complete,
		"Windows line ends":   "\ufeff" + strings.ReplaceAll(complete, "\n", "\r\n"),
		"comments everywhere": "# a\n" + complete + "server: # b\n  # c\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := mustLoad(t, text).Config; !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestValuesReplaceDefaults(t *testing.T) {
	c := mustLoad(t, `
server: {max_header: "128KiB", shutdown_delay: 1m30s, trusted_proxies: [10.0.0.0/8, "fd00::/8"]}
log:
  level: debug
spotify:
  client_id: 0123456789
  client_secret: >-
    folded-secret
  scopes: [streaming]
  pkce_with_secret: False
session:
  keys:
  - `+testKey+`
  idle_timeout: 1d12h
redis: {database: 3, addresses: ["redis:6379"]}
routes:
  - path: /spotify/
    upstream: spotify
    credentials: user
  - {path: /, files: dist, fallback: index.html}
`).Config
	for _, test := range []struct {
		what      string
		got, want any
	}{
		{"max_header", c.Server.MaxHeader, bytesize.Size(128 << 10)},
		{"shutdown_delay", c.Server.ShutdownDelay, 90 * time.Second},
		{"shutdown_timeout", c.Server.ShutdownTimeout, 30 * time.Second},
		{"trusted_proxies", c.Server.TrustedProxies, []string{"10.0.0.0/8", "fd00::/8"}},
		{"level", c.Log, Log{Level: "debug", Format: "json"}},
		{"client_id", c.Spotify.ClientID, "0123456789"},
		{"client_secret", c.Spotify.ClientSecret.Reveal(), "folded-secret"},
		{"scopes", c.Spotify.Scopes, []string{"streaming"}},
		{"pkce_with_secret", c.Spotify.PKCEWithSecret, false},
		{"idle_timeout", c.Session.IdleTimeout, 36 * time.Hour},
		{"database", c.Redis.Database, 3},
		{"addresses", c.Redis.Addresses, []string{"redis:6379"}},
		{"routes", c.Routes, []proxy.Route{
			{Path: "/spotify/", Upstream: "spotify", Credentials: "user", Methods: proxy.DefaultRoutes()[0].Methods},
			{Path: "/", Files: "dist", Fallback: "index.html", Credentials: "none"},
		}},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s = %#v, want %#v", test.what, test.got, test.want)
		}
	}
}

func TestVariablesFillEveryKindOfValue(t *testing.T) {
	c := mustLoad(t, `
server: {max_header: "${SIZE}", allowed_origins: ["${NO_ORIGIN:-}", "${ORIGIN}"]}
admin: {pprof: "${YES}"}
spotify: {client_id: "${ID}", client_secret: "${ID}"}
session: {keys: ["${NO_KEY:-}", "${KEY}"], refresh_before: "${TIME:-5s}"}
redis:
  database: ${NUMBER}
  password: "${TEXT}"
`, "SIZE", "2KiB", "ORIGIN", "https://a.example", "YES", "true", "ID", "null", "TEXT", "a: {b: [c]} # ${ID}",
		"KEY", testKey, "NUMBER", "7").Config
	for _, test := range []struct {
		what      string
		got, want any
	}{
		{"size", c.Server.MaxHeader, bytesize.Size(2048)},
		{"list without its empty entry", c.Server.AllowedOrigins, []string{"https://a.example"}},
		{"boolean", c.Admin.Pprof, true},
		{"text that YAML would take for null", c.Spotify.ClientID, "null"},
		{"text that looks like YAML and a variable", c.Redis.Password.Reveal(), "a: {b: [c]} # ${ID}"},
		{"keys", len(c.Session.Keys), 1},
		{"default duration", c.Session.RefreshBefore, 5 * time.Second},
		{"number", c.Redis.Database, 7},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s: got %#v, want %#v", test.what, test.got, test.want)
		}
	}
}

func TestRelativePathsStartFromTheFilesFolder(t *testing.T) {
	folder := t.TempDir()
	made, keyFile := newPair(t, "a.example", time.Now().Add(time.Hour)), filepath.Join(t.TempDir(), "key.pem")
	write(t, filepath.Join(folder, "cert.pem"), made.certificate)
	write(t, keyFile, made.key)
	path := write(t, filepath.Join(folder, "config.yaml"), complete+`
server: {public_url: https://a.example, tls: {cert_file: cert.pem, key_file: `+keyFile+`}}
routes: [{path: /, files: dist, fallback: index.html}]
`)
	loaded, err := Load(path, environment())
	if err != nil {
		t.Fatal(err)
	}
	got := loaded.Config
	if want := filepath.Join(folder, "cert.pem"); got.Server.TLS.CertFile != want {
		t.Errorf("cert_file = %q, want %q", got.Server.TLS.CertFile, want)
	}
	if got.Server.TLS.KeyFile != keyFile {
		t.Errorf("key_file = %q, want the absolute path as it is", got.Server.TLS.KeyFile)
	}
	if want := filepath.Join(folder, "dist"); got.Routes[0].Files != want || got.Routes[0].Fallback != "index.html" {
		t.Errorf("files = %q, fallback = %q, want %q and index.html below it", got.Routes[0].Files, got.Routes[0].Fallback, want)
	}
}

func TestWarnings(t *testing.T) {
	loaded := mustLoad(t, complete[:len(complete)-1]+"\nlog: {level: info}\n", "STAGEDOOR_ENV", "production")
	if len(loaded.Warnings) != 0 {
		t.Errorf("Redis in production warns: %v", loaded.Warnings)
	}
	text := strings.Replace(complete, "session: {", "session: {store: memory, ", 1)
	loaded = mustLoad(t, text, "STAGEDOOR_ENV", "production")
	const want = "config.yaml:2:11: session.store: memory keeps sessions in one process and loses them at a restart; " +
		"use redis in production"
	if got := loaded.Warnings.Error(); got != want {
		t.Errorf("memory in production warns %s, want %s", got, want)
	}
	if loaded = mustLoad(t, text); len(loaded.Warnings) != 0 {
		t.Errorf("memory elsewhere warns: %v", loaded.Warnings)
	}
}

func TestImplicitWarns(t *testing.T) {
	d := newDecoder("config.yaml", "", environment())
	config := Default()
	config.Spotify.Flow = "implicit"
	warnings := check(&config, d)
	if len(warnings) != 1 || warnings[0].Field != "spotify.flow" || !strings.Contains(warnings[0].Text, "2025-11-27") {
		t.Errorf("implicit warns %v, want its end and the flow to take instead", warnings)
	}
}

func TestUnreadableFileIsNotAProblem(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "config.yaml"), environment())
	var problems Problems
	if !errors.Is(err, fs.ErrNotExist) || errors.As(err, &problems) {
		t.Errorf("a missing file gives %v, want fs.ErrNotExist and no Problems", err)
	}
}

func TestTooLargeFile(t *testing.T) {
	_, err := load("config.yaml", strings.Repeat("[", maxFileSize+1), environment())
	if err == nil || !strings.HasPrefix(err.Error(), "config.yaml:1:1: the file has more than 256 KiB") {
		t.Errorf("got %v, want a refusal of the size", err)
	}
}

func TestPasswordsInURLsStayHidden(t *testing.T) {
	for _, section := range []string{
		"redis: {addresses: ['redis://:hunter2@redis:6379']}",
		"redis: {addresses: ['user:hunter2@redis:6379']}",
		`redis: {addresses: ['redis://:"hunter2@redis:6379']}`,
		"admin: {listen: 'http://u:hunter2@h'}",
		"server: {allowed_origins: ['https://u:hunter2@h']}",
		"log: {level: 'u:hunter2@h'}",
	} {
		_, err := load("config.yaml", complete+section, environment())
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s gives %v, want a problem without the password", section, err)
		}
	}
	_, err := load("config.yaml", complete+"redis: {addresses: ['redis://:pw@redis:6379']}", environment())
	want := `config.yaml:3:21: redis.addresses[0]: "[redacted]@redis:6379" is not an address; ` +
		"write host:port, such as 127.0.0.1:6379"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLinesCountTheSameWithEveryLineEnd(t *testing.T) {
	const text = "# one\n# two\nserver:\n  lisen: x\n"
	for name, end := range map[string]string{"Unix": "\n", "Windows": "\r\n", "old Mac": "\r"} {
		_, err := load("config.yaml", strings.ReplaceAll(text, "\n", end), environment())
		if err == nil || !strings.Contains(err.Error(), "config.yaml:4:3: server.lisen: unknown key") {
			t.Errorf("%s: got %v, want the unknown key in line 4", name, err)
		}
	}
}

func TestOneMistakeIsOneProblem(t *testing.T) {
	for text, want := range map[string]string{
		"session: {keys: 5}\nspotify: {client_id: id, client_secret: s}":       "config.yaml:1:11: session.keys: needs a list, such as [a, b]",
		"spotify: {client_id: [], client_secret: s}\nsession: {keys: [KEY]}":   "config.yaml:1:11: spotify.client_id: needs a text",
		"spotify: {client_id: id, client_secret: []}\nsession: {keys: [KEY]}":  "config.yaml:1:26: spotify.client_secret: needs a text",
		"spotify: {client_id: id, client_secret: s}\nsession: {keys: [[KEY]]}": "config.yaml:2:18: session.keys[0]: needs a text",
	} {
		_, err := load("config.yaml", strings.ReplaceAll(text, "KEY", testKey), environment())
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
