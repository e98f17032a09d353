package config

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stagedoor/secret"
)

const shipped = "../config.yaml"

// TestShippedFileIsTheDefaults proves that the file in the repository says what the program does without it.
func TestShippedFileIsTheDefaults(t *testing.T) {
	loaded, err := Load(shipped, environment(
		"SPOTIFY_CLIENT_ID", "id", "SPOTIFY_CLIENT_SECRET", "secret", "STAGEDOOR_SESSION_KEY", testKey))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Spotify.ClientID = "id"
	want.Spotify.ClientSecret = secret.New("secret")
	want.Session.Keys = []secret.Text{secret.New(testKey)}
	if !reflect.DeepEqual(loaded.Config, want) {
		t.Errorf("config.yaml is\n%+v\nand the defaults are\n%+v", loaded.Config, want)
	}
	if len(loaded.Warnings) > 0 {
		t.Errorf("config.yaml warns: %v", loaded.Warnings)
	}
}

// TestShippedFileHasEveryKey looks for the keys of sections in the file as it is decoded. Keys of the entries of lists
// and of accounts may stand in a comment, as an example.
func TestShippedFileHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder(shipped, string(text), environment("SPOTIFY_CLIENT_ID", "id"))
	body, ok := d.parse()
	if !ok {
		t.Fatal(d.problems)
	}
	config := Default()
	d.value("", body, reflect.ValueOf(&config).Elem())

	places := slices.Collect(maps.Keys(d.positions))
	eachKey(configType, "", func(path, name string) {
		if path == "routes" || path == "accounts" || path == "quota.reuse" {
			if !strings.Contains(string(text), " "+name+":") {
				t.Errorf("config.yaml does not mention %s.%s", path, name)
			}
		} else if !slices.Contains(places, join(path, name)) {
			t.Errorf("config.yaml lacks %s", join(path, name))
		}
	})
}

// TestShippedFileTakesTheEnvironment proves the names that Dockerfile and docker-compose.yml count on.
func TestShippedFileTakesTheEnvironment(t *testing.T) {
	folder := t.TempDir()
	loaded, err := Load(shipped, environment(
		"STAGEDOOR_LISTEN", "0.0.0.0:8081",
		"STAGEDOOR_PUBLIC_URL", "https://music.example",
		"STAGEDOOR_ADMIN_LISTEN", "127.0.0.1:9091",
		"STAGEDOOR_LOG_LEVEL", "debug",
		"STAGEDOOR_LOG_FORMAT", "console",
		"STAGEDOOR_REDIS_ADDRESS", "redis:6379",
		"STAGEDOOR_REDIS_PASSWORD", "redis-password",
		"STAGEDOOR_FRONTEND_URL", "http://web:3000",
		"SPOTIFY_CLIENT_ID", "id",
		"SPOTIFY_CLIENT_SECRET", "", // compose passes an empty variable on
		"SPOTIFY_CLIENT_SECRET_FILE", write(t, folder+"/client_secret", "secret\n"),
		"STAGEDOOR_SESSION_KEY", "",
		"STAGEDOOR_SESSION_KEY_FILE", write(t, folder+"/session_key", testKey+"\n"),
		"SPOTIFY_FLOW", "authorization_code_pkce",
		"SPOTIFY_AUTHORIZE_URL", "http://127.0.0.1:9000/authorize",
		"SPOTIFY_TOKEN_URL", "http://simulator:9000/api/token",
		"SPOTIFY_API_URL", "http://simulator:9000/v1",
		"SPOTIFY_INSECURE_HTTP", "true",
	))
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Config
	for _, test := range []struct{ what, got, want string }{
		{"server.listen", c.Server.Listen, "0.0.0.0:8081"},
		{"server.public_url", c.Server.PublicURL, "https://music.example"},
		{"admin.listen", c.Admin.Listen, "127.0.0.1:9091"},
		{"log.level", c.Log.Level, "debug"},
		{"log.format", c.Log.Format, "console"},
		{"redis.addresses", strings.Join(c.Redis.Addresses, " "), "redis:6379"},
		{"redis.password", c.Redis.Password.Reveal(), "redis-password"},
		{"routes[1].upstream", c.Routes[1].Upstream, "http://web:3000"},
		{"spotify.client_secret", c.Spotify.ClientSecret.Reveal(), "secret"},
		{"session.keys[0]", c.Session.Keys[0].Reveal(), testKey},
		{"spotify.flow", c.Spotify.Flow, "authorization_code_pkce"},
		{"spotify.authorize_url", c.Spotify.AuthorizeURL, "http://127.0.0.1:9000/authorize"},
		{"spotify.token_url", c.Spotify.TokenURL, "http://simulator:9000/api/token"},
		{"spotify.api_url", c.Spotify.APIURL, "http://simulator:9000/v1"},
	} {
		if test.got != test.want {
			t.Errorf("%s = %q, want %q", test.what, test.got, test.want)
		}
	}
	if !c.Spotify.InsecureHTTP {
		t.Error("SPOTIFY_INSECURE_HTTP=true does not allow plain http")
	}
	if want := []string{folder + "/client_secret", folder + "/session_key"}; !slices.Equal(loaded.SecretFiles, want) {
		t.Errorf("secret files = %q, want %q", loaded.SecretFiles, want)
	}
}

// TestShippedFileSaysWhatIsMissing loads it in an empty environment, as the first try of many will be.
func TestShippedFileSaysWhatIsMissing(t *testing.T) {
	_, err := Load(shipped, environment())
	if err == nil {
		t.Fatal("the shipped file loads without a client and a key")
	}
	for _, want := range []string{
		"spotify.client_id: the environment variable SPOTIFY_CLIENT_ID is not set",
		"spotify.client_secret: there is no client secret",
		"session.keys: there is no session key",
	} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("the problem %q is not there once:\n%v", want, err)
		}
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 3 {
		t.Errorf("there are %d problems, want 3:\n%v", lines, err)
	}
}

// TestShippedAdminHosts proves that the three replicas answer to the names under which Caddy and Prometheus ask.
func TestShippedAdminHosts(t *testing.T) {
	loaded, err := Load("../deploy/config.ha.yaml", environment(
		"SPOTIFY_CLIENT_ID", "id", "SPOTIFY_CLIENT_SECRET", "secret", "STAGEDOOR_SESSION_KEY", testKey,
		"STAGEDOOR_PUBLIC_URL", "https://music.example", "STAGEDOOR_FRONTEND_URL", "http://web:3000"))
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`\bgateway(-\d+)?:`)
	for _, file := range []string{"../deploy/Caddyfile", "../deploy/prometheus.yml"} {
		text, err := os.ReadFile(file)
		names := asked.FindAllString(string(text), -1)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s names no gateway: %v", file, err)
		}
		for _, name := range names {
			if !slices.Contains(loaded.Config.Admin.Hosts, strings.TrimSuffix(name, ":")) {
				t.Errorf("%s asks %s, which is not in admin.hosts", file, name)
			}
		}
	}
}
