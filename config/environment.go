package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// variables are the environment variables that give a key its value when the file leaves the key out, as the references in
// the repository's config.yaml do. An empty variable counts as one that is not set.
var variables = []struct{ field, name string }{
	{"server.listen", "STAGEDOOR_LISTEN"},
	{"server.public_url", "STAGEDOOR_PUBLIC_URL"},
	{"admin.listen", "STAGEDOOR_ADMIN_LISTEN"},
	{"admin.hosts", "STAGEDOOR_ADMIN_HOST"},
	{"log.level", "STAGEDOOR_LOG_LEVEL"},
	{"log.format", "STAGEDOOR_LOG_FORMAT"},
	{"spotify.client_id", "SPOTIFY_CLIENT_ID"},
	{"spotify.client_secret", "SPOTIFY_CLIENT_SECRET"},
	{"spotify.client_secret_file", "SPOTIFY_CLIENT_SECRET_FILE"},
	{"spotify.flow", "SPOTIFY_FLOW"},
	{"spotify.scopes", "SPOTIFY_SCOPES"},
	{"spotify.authorize_url", "SPOTIFY_AUTHORIZE_URL"},
	{"spotify.token_url", "SPOTIFY_TOKEN_URL"},
	{"spotify.api_url", "SPOTIFY_API_URL"},
	{"spotify.insecure_http", "SPOTIFY_INSECURE_HTTP"},
	{"session.store", "STAGEDOOR_SESSION_STORE"},
	{"session.keys", "STAGEDOOR_SESSION_KEY"},
	{"session.keys_file", "STAGEDOOR_SESSION_KEY_FILE"},
	{"redis.addresses", "STAGEDOOR_REDIS_ADDRESS"},
	{"redis.password", "STAGEDOOR_REDIS_PASSWORD"},
	{"routes[1].upstream", "STAGEDOOR_FRONTEND_URL"},
}

// environmentVariable begins the origin of a value from the environment.
const environmentVariable = "the environment variable "

// scopesField is a list that may also be one text, separated by blanks, so that one variable can hold all of it.
const scopesField = "spotify.scopes"

// fromEnvironment fills in what the file leaves out. It must run before the values are completed and checked.
func (d *decoder) fromEnvironment(config *Config) {
	for _, v := range variables {
		text, _ := d.getenv(v.name)
		if text == "" || d.decides(v.field) {
			continue
		}
		d.origins[v.field] = environmentVariable + v.name
		if plain, twin := strings.CutSuffix(v.field, fileSuffix); twin {
			d.readSecretFile(v.field, d.absolute(text), fieldOf(config, plain))
			continue
		}
		d.setFromEnvironment(v.field, scalar{text: text, expanded: true}, fieldOf(config, v.field))
	}
}

func (d *decoder) setFromEnvironment(field string, s scalar, v reflect.Value) {
	if v.Kind() != reflect.Slice {
		d.setScalar(field, s, v)
		return
	}
	entries := []string{s.text}
	if field == scopesField {
		entries = strings.Fields(s.text)
	}
	v.SetZero()
	for _, text := range entries {
		d.append(field, scalar{text: text, expanded: true}, v)
	}
}

// append adds a single value to a list.
func (d *decoder) append(field string, s scalar, list reflect.Value) {
	element := reflect.New(list.Type().Elem()).Elem()
	d.setScalar(fmt.Sprintf("%s[%d]", field, list.Len()), s, element)
	list.Set(reflect.Append(list, element))
}

// origin says in words where the value of a field, or of the list that it is in, came from when that is not the file.
func (d *decoder) origin(field string) (origin string, found bool) {
	list, _, _ := strings.Cut(field, "[")
	for _, f := range []string{field, list, field + fileSuffix} {
		if origin, found = d.origins[f]; found {
			return origin, true
		}
	}
	return "", false
}

// decides tells whether the file has a value for the key: its own, that of its …_file twin, or that of the list it is in. A
// key without a value, and a twin that names no file, leave it out.
func (d *decoder) decides(field string) bool {
	plain := strings.TrimSuffix(field, fileSuffix)
	list, _, _ := strings.Cut(plain, "[")
	return d.given[plain] || d.given[plain+fileSuffix] || d.given[list] || d.given[list+fileSuffix]
}

// fieldOf returns the field of a configuration at a path such as "log.level" or "routes[1].upstream". The keys and the
// numbers must exist.
func fieldOf(config *Config, path string) reflect.Value {
	v := reflect.ValueOf(config).Elem()
	for part := range strings.SplitSeq(path, ".") {
		name, number, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		keys := keysOf(v.Type())
		v = v.Field(keys[slices.IndexFunc(keys, func(k key) bool { return k.name == name })].index)
		if indexed {
			i, err := strconv.Atoi(number)
			if err != nil {
				panic(fmt.Sprintf("config: %s is not the path of a field", path))
			}
			v = v.Index(i)
		}
	}
	return v
}
