package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// Values that were damaged on their way are refused wherever they come from: the file itself, a variable, a secret's file.
func TestDamagedValues(t *testing.T) {
	for value, want := range map[string]string{
		`"quoted"`:         "quotation mark",
		`'quoted'`:         "quotation mark",
		"`quoted`":         "quotation mark",
		"end\r":            "line end",
		"two\nlines":       "line end",
		"tab\tinside":      "control character",
		"nul\x00":          "control character",
		" xbefore":         "blank",
		"xbehind ":         "blank",
		"in side":          "blank",
		"\u00a0no-break":   "blank",
		"zero\u200bwidth":  "character",
		"\u201cquoted":     "character",
		"\ufeffmark":       "byte-order mark",
		"ok-._~:/%+&?=#@!": "",
	} {
		for _, key := range []string{"client_id", "client_secret"} {
			text := strings.Replace("spotify: {client_id: id, client_secret: s}\nsession: {keys: ["+testKey+"]}\n", key+": ", key+`: "${VALUE}" #`, 1)
			text = strings.Replace(text, "#id, client", ", client", 1)
			text = strings.Replace(text, "#s}", "}", 1)
			path := write(t, filepath.Join(t.TempDir(), "config.yaml"), text)
			expectProblem(t, path, "spotify."+key, value, want)
		}
		if strings.HasPrefix(value, "end") {
			continue // line ends behind a file's secret are taken off
		}
		folder := t.TempDir()
		write(t, filepath.Join(folder, "secret"), value+"\r\n\n")
		path := write(t, filepath.Join(folder, "config.yaml"), "spotify: {client_id: id, client_secret_file: secret}\nsession: {keys: ["+testKey+"]}\n")
		expectProblem(t, path, "spotify.client_secret", value, want)
	}
}

func expectProblem(t *testing.T, path, field, value, want string) {
	t.Helper()
	_, err := Load(path, environment("VALUE", value))
	switch {
	case want == "" && err != nil:
		t.Errorf("%s with %q: %v", field, value, err)
	case want == "":
	case err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path+":1:") || !strings.Contains(err.Error(), field):
		t.Errorf("%s with %q: %v, want the place and %q", field, value, err, want)
	case len(value) > 5 && strings.Contains(err.Error(), strings.TrimSpace(value)):
		t.Errorf("%s: the problem shows the value: %v", field, err)
	}
}

// A file of secrets in another encoding is told by its byte-order mark, whichever secret it is for.
func TestSecretFilesWithByteOrderMark(t *testing.T) {
	for _, mark := range []string{"\ufeff", "\xff\xfe", "\xfe\xff"} {
		for _, twin := range []string{"client_secret_file", "keys_file", "password_file"} {
			folder := t.TempDir()
			write(t, filepath.Join(folder, "file"), mark+testKey+"\n")
			text := map[string]string{
				"client_secret_file": "spotify: {client_id: id, client_secret_file: file}\nsession: {keys: [" + testKey + "]}\n",
				"keys_file":          "spotify: {client_id: id, client_secret: s}\nsession: {keys_file: file}\n",
				"password_file":      "spotify: {client_id: id, client_secret: s}\nsession: {keys: [" + testKey + "]}\nredis: {password_file: file}\n",
			}[twin]
			_, err := Load(write(t, filepath.Join(folder, "config.yaml"), text), environment())
			if err == nil || !strings.Contains(err.Error(), twin) || !strings.Contains(err.Error(), "byte-order mark") {
				t.Errorf("%s with %q: %v", twin, mark, err)
			}
		}
	}
}

// A password of Redis may hold what an id of Spotify's may not, but no damage.
func TestPasswords(t *testing.T) {
	for value, want := range map[string]string{`quo"ted pass wörd'`: "", "end\r": "line end", "\ufeffmark": "byte-order mark", " x": "blank"} {
		path := write(t, filepath.Join(t.TempDir(), "config.yaml"),
			`redis: {password: "${VALUE}"}`+"\nspotify: {client_id: id, client_secret: s}\nsession: {keys: ["+testKey+"]}\n")
		expectProblem(t, path, "redis.password", value, want)
	}
}
