package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaFile is what the first line of config.yaml names.
const schemaFile = "../config.schema.json"

// generatedSchema is the schema with the comments of the shipped file.
func generatedSchema(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := Schema(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestSchemaFile keeps the file in the repository equal to what the program says.
func TestSchemaFile(t *testing.T) {
	if *update {
		write(t, schemaFile, string(generatedSchema(t)))
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, generatedSchema(t)) {
		t.Error("config.schema.json is not what the code says; write it anew: go run . schema > config.schema.json")
	}
	text, err := os.ReadFile(shipped)
	if modeline := "# yaml-language-server: $schema=config.schema.json\n"; err != nil || !strings.HasPrefix(string(text), modeline) {
		t.Errorf("config.yaml does not begin with %q (%v)", modeline, err)
	}
}

// TestEveryKeyIsDescribed looks for the comment of every key, and at some that are not simply above it.
func TestEveryKeyIsDescribed(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	found, err := readComments(string(text))
	if err != nil {
		t.Fatal(err)
	}
	eachKey(configType, "", func(path, name string) {
		if path != "" && found.of(join(path, name)) == "" {
			t.Errorf("config.yaml does not describe %s", join(path, name))
		}
	})
	for path, begin := range map[string]string{
		"server.public_url":      "The origin that browsers see. Register",  // of several lines
		"spotify.client_secret":  "Your app's id and secret",                // shared with the key above
		"server.tls.key_file":    "PEM files.",                              // of the section on one line
		"routes.path":            "The longest path that matches wins",      // not of one route
		"routes.upstream":        "spotify, the only place",                 // of the first route
		"routes.fallback":        "A built frontend from a folder instead;", // of a route in a comment
		"accounts.api_keys_file": "The callers' keys, one a line",           // likewise
		"server":                 "",                                        // nothing stands right above it
	} {
		if got := found.of(path); !strings.HasPrefix(got, begin) || begin == "" && got != "" {
			t.Errorf("%s is described as %q, want %q", path, got, begin)
		}
	}
}

// editor returns a check that knows only the schema, as an editor does. It returns what is wrong with a file.
func editor(t *testing.T) func(text string) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(generatedSchema(t)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		s := newSource("config.yaml", text)
		asJSON, err := yaml.YAMLToJSON([]byte(s.text()))
		if err != nil {
			return err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}
}

// beyondSchema are the files in testdata/broken whose problems no schema can see, with the reason. Every other one must be
// refused.
var beyondSchema = map[string]string{
	"account-public-writes":      "accounts, in another section, says that the route is public",
	"audit-file":                 "it is about a folder",
	"account-unknown":            "accounts, in another section, has the names",
	"anchor":                     "YAML has resolved it",
	"api-url-http":               "insecure_http and loopback names allow it",
	"client-secret-file-missing": "it is about another file",
	"client-secret-for-app":      "routes, in another section, need the secret",
	"client-secret-twice":        "one of the two may be an empty variable",
	"client-id-missing":          "the environment may have it",
	"client-secret-missing":      "the environment may have it",
	"missing":                    "the environment may have it",
	"session-key-missing":        "the environment may have it",
	"directive":                  "YAML has read it",
	"cookie-without-prefix":      "public_url, in another section, says whether it is needed",
	"duration-of-a-year":         "it is about the length, however it is written",
	"listen-twice":               "it is about two sections",
	"merge-key":                  "YAML has resolved it",
	"route-twice":                "it is about two entries",
	"same-site-none":             "it is about two sections",
	"secret-damaged":             "a pattern would refuse ids of digits alone, which YAML takes for numbers",
	"secret-file-unset":          "it is about the environment",
	"tls-for-http":               "it is about two keys, and a variable may stand for either",
	"two-documents":              "an editor checks each document by itself",
	"variable-empty":             "it is about the environment",
	"variable-injects":           "it is about the environment",
	"variable-unset":             "it is about the environment",
}

// TestSchemaRefusesWhatTheLoaderRefuses holds the schema to the files that the loader is held to.
func TestSchemaRefusesWhatTheLoaderRefuses(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 60 {
		t.Fatalf("testdata/broken has %d files (%v), want at least 60", len(files), err)
	}
	check := editor(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			reason, semantic := beyondSchema[name]
			switch refused := check(string(text)); {
			case semantic && refused != nil:
				t.Errorf("the schema refuses it, so take it off the list (%s):\n%v", reason, refused)
			case !semantic && refused == nil:
				t.Errorf("the schema takes it:\n%s", text)
			}
		})
	}
	for name := range beyondSchema {
		if !slices.Contains(files, "testdata/broken/"+name+".yaml") {
			t.Errorf("testdata/broken/%s.yaml is not there", name)
		}
	}
}

// TestSchemaTakesWhatTheLoaderTakes checks good files, among them all that a value may be written as.
func TestSchemaTakesWhatTheLoaderTakes(t *testing.T) {
	texts := map[string]string{
		"the least":           complete,
		"null sections":       complete + "server:\nadmin: ~\nlog: null\nroutes:\naccounts:\nquota:\n",
		"null values":         complete + "server: {listen: , tls: ~, max_streams: }\nlog: {level: }\nredis:\n  addresses:\n",
		"empty sections":      complete + "server: {}\nadmin: {}\naccounts: {}\nquota: {}\n",
		"a file of keys":      "spotify: {client_id: id, client_secret_file: @SECRET}\nsession: {keys_file: @KEYS}\n",
		"numbers for texts":   "spotify: {client_id: 12345, client_secret: 67890}\nsession: {keys: [" + testKey + "]}\n",
		"quoted values":       complete + "server: {max_header: \"128KiB\", shutdown_delay: '5s', listen: \":80\"}\nadmin: {listen: ''}\n",
		"durations":           complete + "server: {shutdown_delay: 0, shutdown_timeout: +1d12h, keepalive_timeout: 1.5h}\n",
		"sizes":               complete + "server: {max_header: 65536, max_path: 1MiB}\n",
		"variables":           complete + "server: {max_streams: \"${N}\", max_path: \"${SIZE}\", shutdown_delay: \"${D}\"}\nlog: {level: \"${L}\"}\nadmin: {pprof: \"${B}\"}\n",
		"escaped variables":   complete + "redis: {key_prefix: \"$${a}$5$\"}\n",
		"an account":          complete + "accounts: {radio: }\nroutes: [{path: /a, upstream: spotify, credentials: \"account:radio\", methods: [GET], allow: [me/player]}]\n",
		"pages":               complete + "pages: {name: Radio, accent: \"#0a0\", support_url: https://a.example, error_url: /oops}\nserver: {}\n",
		"files":               complete + "routes: [{path: /, files: dist, fallback: index.html}, {path: /x, upstream: \"http://a:1\", files: }]\n",
		"patterns":            complete + "routes: [{path: /, upstream: spotify, credentials: app, allow: [\"\", /, \"**\", me, \"/me/**\", \"a/*/b\"]}]\n",
		"nothing":             "{}",
		"scopes in one text":  strings.Replace(complete, "{client_id", "{scopes: streaming user-read-email, client_id", 1),
		"scopes in variables": strings.Replace(complete, "{client_id", "{scopes: \"${NONE:-streaming}\", client_id", 1),
		"https and its limit": complete + "server: {public_url: \"https://music.example:8443\", tls: {cert_file: @PAIR, key_file: @PAIR}}\n",
	}
	folder := t.TempDir()
	made := newPair(t, "music.example", time.Now().Add(time.Hour))
	secrets := strings.NewReplacer("@PAIR", write(t, folder+"/pair", made.certificate+made.key),
		"@SECRET", write(t, folder+"/secret", "x"), "@KEYS", write(t, folder+"/keys", testKey))
	env := environment("N", "5", "SIZE", "1KiB", "D", "1s", "L", "warn", "B", "true",
		"SPOTIFY_CLIENT_ID", "id", "SPOTIFY_CLIENT_SECRET", "secret", "STAGEDOOR_SESSION_KEY", testKey)
	warned, err := filepath.Glob("testdata/warned/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(warned, shipped) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	check := editor(t)
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			text = secrets.Replace(text)
			if _, err := load("config.yaml", text, env); err != nil {
				t.Fatalf("the loader refuses it: %v", err)
			}
			if err := check(text); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
		})
	}
}

// TestSchemaRulesAreTheLoaders gives the loader every value that the schema offers, and one that it does not: a field has
// a problem in the second case alone.
func TestSchemaRulesAreTheLoaders(t *testing.T) {
	known := map[string]reflect.Type{}
	eachKey(configType, "", func(path, name string) { known[join(path, name)] = nil })
	for path, rule := range scalarRules {
		if _, ok := known[path]; !ok {
			t.Errorf("config.yaml has no key %s", path)
		}
		for _, value := range append(rule.Enum, any("junk")) {
			if rule.Enum == nil || path == "routes.credentials" { // what it may be depends on the rest of the route
				break
			}
			problems := problemsAt(t, path, value.(string))
			if offered := value != any("junk"); offered != (len(problems) == 0) {
				t.Errorf("%s: %v: the loader says %v", path, value, problems)
			}
		}
	}
	for path := range sectionRules {
		if _, ok := known[path]; !ok && path != "" {
			t.Errorf("config.yaml has no section %s", path)
		}
	}
}

// problemsAt loads a good configuration with one other value and returns the problems that the value makes.
func problemsAt(t *testing.T, path, value string) []string {
	t.Helper()
	route := map[string]any{"path": "/x/", "upstream": "http://127.0.0.1:3000"}
	good := map[string]any{
		"server":  map[string]any{"public_url": "https://music.example"},
		"spotify": map[string]any{"client_id": "id", "client_secret": "secret"},
		"session": map[string]any{"keys": []string{testKey}},
		"routes":  []any{route},
	}
	section, keys := good, strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		if key == "routes" {
			section = route
			continue
		}
		inner, ok := section[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			section[key] = inner
		}
		section = inner
	}
	last := keys[len(keys)-1]
	section[last] = value
	if last == "scopes" || last == "methods" {
		section[last] = []string{value}
	}
	text, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	_, err = load("config.yaml", string(text), environment())
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}
