package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
)

// references finds the ${NAME} of a file by the paths of the keys that have them; one of a list counts as the list's.
type references struct{ found map[string]string }

func (r references) below(field string, node ast.Node) {
	switch node := node.(type) {
	case *ast.MappingNode:
		for _, pair := range node.Values {
			r.below(join(field, pair.Key.String()), pair.Value)
		}
	case *ast.SequenceNode:
		for i, entry := range node.Values {
			if _, section := entry.(*ast.MappingNode); section {
				r.below(fmt.Sprintf("%s[%d]", field, i), entry)
			} else {
				r.below(field, entry)
			}
		}
	case *ast.StringNode:
		if name := regexp.MustCompile(`^\$\{(\w+)`).FindStringSubmatch(node.Value); name != nil {
			r.found[field] = name[1]
		}
	}
}

// TestVariablesAreThoseOfTheShippedFile proves that a key that is left out has the value that config.yaml shows.
func TestVariablesAreThoseOfTheShippedFile(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	body, ok := newDecoder(shipped, string(text), environment()).parse()
	if !ok {
		t.Fatal("config.yaml cannot be read")
	}
	want, got := references{map[string]string{}}, map[string]string{}
	want.below("", body)
	for _, v := range variables {
		got[v.field] = v.name
	}
	if !reflect.DeepEqual(got, want.found) {
		t.Errorf("the variables are\n%v\nand config.yaml has\n%v", got, want.found)
	}
}

// everyVariable has a value that is no default for each variable.
func everyVariable(t *testing.T) []string {
	t.Helper()
	return []string{
		"STAGEDOOR_LISTEN", "0.0.0.0:8081", "STAGEDOOR_PUBLIC_URL", "https://music.example",
		"STAGEDOOR_ADMIN_LISTEN", "127.0.0.1:9091", "STAGEDOOR_ADMIN_HOST", "gateway", "STAGEDOOR_LOG_LEVEL", "debug",
		"STAGEDOOR_LOG_FORMAT", "console", "SPOTIFY_CLIENT_ID", "id", "SPOTIFY_CLIENT_SECRET", "secret",
		"SPOTIFY_FLOW", "authorization_code_pkce", "SPOTIFY_SCOPES", " user-top-read  user-read-email ",
		"SPOTIFY_AUTHORIZE_URL", "http://127.0.0.1:9000/authorize", "SPOTIFY_TOKEN_URL", "http://simulator:9000/api/token",
		"SPOTIFY_API_URL", "http://simulator:9000/v1", "SPOTIFY_INSECURE_HTTP", "true", "STAGEDOOR_SESSION_STORE", "memory",
		"STAGEDOOR_SESSION_KEY", testKey, "STAGEDOOR_REDIS_ADDRESS", "redis:6379", "STAGEDOOR_REDIS_PASSWORD", "hidden",
		"STAGEDOOR_FRONTEND_URL", "http://web:3000",
	}
}

// Every file that leaves the keys out is the shipped one, whatever the environment has.
func TestLeavingOutMeansTheEnvironment(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string][]string{
		"every variable": everyVariable(t),
		"the least":      {"SPOTIFY_CLIENT_ID", "id", "SPOTIFY_CLIENT_SECRET", "secret", "STAGEDOOR_SESSION_KEY", testKey},
		"files": {"SPOTIFY_CLIENT_ID", "id", "SPOTIFY_CLIENT_SECRET", "", "STAGEDOOR_SESSION_KEY", "",
			"SPOTIFY_CLIENT_SECRET_FILE", write(t, t.TempDir()+"/secret", "secret"),
			"STAGEDOOR_SESSION_KEY_FILE", write(t, t.TempDir()+"/keys", testKey)},
	} {
		want := mustLoad(t, string(text), env...)
		for _, file := range []string{
			"", "log:\n", "{}", "server: {max_streams: 250}", "log: {level: }", "spotify: {client_secret_file: \"\"}\nsession:\n  keys:\n",
		} {
			got := mustLoad(t, file, env...)
			if !reflect.DeepEqual(got.Config, want.Config) || !slices.Equal(got.SecretFiles, want.SecretFiles) {
				t.Errorf("%s: %q is\n%+v %v\nwant\n%+v %v", name, file, got.Config, got.SecretFiles, want.Config, want.SecretFiles)
			}
		}
	}
}

// What the file says stands, and no variable is mixed into it.
func TestTheFileStandsOverTheEnvironment(t *testing.T) {
	folder := t.TempDir()
	env := append(everyVariable(t), "SPOTIFY_CLIENT_SECRET_FILE", "", "STAGEDOOR_SESSION_KEY_FILE", "")
	c := mustLoad(t, `
server: {listen: 127.0.0.1:1}
spotify: {client_secret_file: `+write(t, folder+"/secret", "its-own")+`, scopes: [], flow: authorization_code}
session: {keys_file: `+write(t, folder+"/keys", testKey)+`}
redis: {password: "", addresses: ["a:1", "b:1"]}
routes: [{path: /, upstream: "http://127.0.0.1:2"}, {path: /x, upstream: "http://127.0.0.1:3"}]
`, env...).Config
	got := fmt.Sprintln(c.Server.Listen, c.Spotify.ClientSecret.Reveal(), c.Spotify.Scopes, c.Redis.Password.Reveal() == "", c.Redis.Addresses,
		c.Routes[0].Upstream, c.Routes[1].Upstream, c.Server.PublicURL)
	const want = "127.0.0.1:1 its-own [] true [a:1 b:1] http://127.0.0.1:2 http://127.0.0.1:3 https://music.example"
	if strings.TrimSpace(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestProblemsNameTheVariable(t *testing.T) {
	for name, test := range map[string]struct {
		env  []string
		want string
	}{
		"a scope": {[]string{"SPOTIFY_SCOPES", "user-read-email user-reed-private"},
			`config.yaml:1:1: spotify.scopes[1]: "user-reed-private" is not a scope of Spotify's; did you mean user-read-private? ` +
				"(this is the value of the environment variable SPOTIFY_SCOPES)"},
		"a store": {[]string{"STAGEDOOR_SESSION_STORE", "ram"},
			`config.yaml:2:1: session.store: "ram" is not a session store; write redis or memory ` +
				"(this is the value of the environment variable STAGEDOOR_SESSION_STORE)"},
		"a boolean": {[]string{"SPOTIFY_INSECURE_HTTP", "perhaps"},
			"config.yaml:1:1: spotify.insecure_http: needs true or false (this is the value of the environment variable SPOTIFY_INSECURE_HTTP)"},
		"a file": {[]string{"SPOTIFY_CLIENT_SECRET_FILE", "/none/secret.txt", "SPOTIFY_CLIENT_SECRET", ""},
			`config.yaml:1:1: spotify.client_secret_file: the file "/none/secret.txt" cannot be read (no such file or directory); ` +
				"correct the path or its permissions (this is the value of the environment variable SPOTIFY_CLIENT_SECRET_FILE)"},
		"both": {[]string{"SPOTIFY_CLIENT_SECRET_FILE", "/none/secret.txt"},
			"config.yaml:1:1: spotify.client_secret_file: spotify.client_secret is set as well; keep one of the two " +
				"(this is the value of the environment variable SPOTIFY_CLIENT_SECRET_FILE)"},
	} {
		env := append(test.env, "SPOTIFY_CLIENT_ID", "id", "SPOTIFY_CLIENT_SECRET", "secret", "STAGEDOOR_SESSION_KEY", testKey)
		_, err := load("config.yaml", "spotify: {pkce_with_secret: true}\nsession: {browser_tokens: true}\n", environment(env...))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, test.want)
		}
	}
}

func TestOriginTable(t *testing.T) {
	keys := write(t, t.TempDir()+"/keys", testKey)
	got := mustLoad(t, "server: {listen: 127.0.0.1:1}\nspotify: {client_id: \"${ID}\"}\nlog:\n  level: info\n", "ID", "id",
		"SPOTIFY_CLIENT_SECRET", "secret", "STAGEDOOR_SESSION_KEY_FILE", keys, "STAGEDOOR_FRONTEND_URL", "http://web:3000",
		"SPOTIFY_SCOPES", "streaming").OriginTable()
	for _, want := range []string{
		"server.listen          config.yaml:1\n",
		"spotify.client_id      the environment variable ID (config.yaml:2)\n",
		"spotify.client_secret  the environment variable SPOTIFY_CLIENT_SECRET\n",
		"spotify.scopes         the environment variable SPOTIFY_SCOPES\n",
		"session.keys           the file that STAGEDOOR_SESSION_KEY_FILE names\n",
		"routes                 the environment variable STAGEDOOR_FRONTEND_URL\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 7 {
		t.Errorf("the table has %d lines, want 7:\n%s", n, got)
	}
}
