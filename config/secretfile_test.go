package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stagedoor/secret"
)

func TestSecretFiles(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "secret"), "kept\r\n\n\r\n")
	write(t, filepath.Join(folder, "keys"), "# the new one\n"+testKey+"\r\n\n  "+strings.ToLower(testKey[:42])+"8=\n")
	loaded, err := Load(write(t, filepath.Join(folder, "config.yaml"), `
spotify: {client_id: id, client_secret: "${EMPTY:-}", client_secret_file: secret}
session:
  keys_file: `+folder+`/keys
  keys: ["${EMPTY:-}"]
redis: {password_file: ""}
`), environment())
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded.Config.Spotify.ClientSecret.Reveal(); got != "kept" {
		t.Errorf("client_secret = %q, want the file without its line ends", got)
	}
	wantKeys := []string{testKey, strings.ToLower(testKey[:42]) + "8="}
	if got := reveal(loaded.Config.Session.Keys); !slices.Equal(got, wantKeys) {
		t.Errorf("keys = %q, want %q", got, wantKeys)
	}
	if !loaded.Config.Redis.Password.IsZero() {
		t.Error("an empty password_file gives a password")
	}
	if want := []string{folder + "/secret", folder + "/keys"}; !slices.Equal(loaded.SecretFiles, want) {
		t.Errorf("secret files = %q, want %q", loaded.SecretFiles, want)
	}
}

func reveal(secrets []secret.Text) []string {
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return texts
}

func TestBrokenSecretFiles(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "good"), "hidden\n")
	write(t, filepath.Join(folder, "empty"), "\n")
	write(t, filepath.Join(folder, "comments"), "# no key yet\n\n")
	write(t, filepath.Join(folder, "bad"), testKey+"\nhidden\n")
	const client, keys = "spotify: {client_id: id, client_secret: hidden}\n", "session: {keys: [" + testKey + "]}\n"
	for name, test := range map[string]struct{ text, want string }{
		"both": {
			keys + "spotify: {client_id: id, client_secret: hidden, client_secret_file: good}",
			`spotify.client_secret_file: spotify.client_secret is set as well; keep one of the two`,
		},
		"missing": {
			keys + "spotify: {client_id: id, client_secret_file: none}",
			`spotify.client_secret_file: the file that is named here cannot be read (no such file or directory); correct the path or its permissions`,
		},
		"folder": {
			keys + "spotify: {client_id: id, client_secret_file: .}",
			`spotify.client_secret_file: the file "FOLDER" cannot be read (is a directory); correct the path or its permissions`,
		},
		"empty": {
			keys + "spotify: {client_id: id, client_secret_file: empty}",
			`spotify.client_secret_file: the file "FOLDER/empty" is empty; write the secret into it`,
		},
		"endless": {
			keys + "spotify: {client_id: id, client_secret_file: /dev/zero}",
			`spotify.client_secret_file: the file "/dev/zero" has more than 64 KiB, which no secret has; correct the path`,
		},
		"both keys": {
			client + "session: {keys: [" + testKey + "], keys_file: good}",
			`session.keys_file: session.keys is set as well; keep one of the two`,
		},
		"no key in file": {
			client + "session: {keys_file: comments}",
			"session.keys: there is no session key; make one with `stagedoor key` and put it into STAGEDOOR_SESSION_KEY",
		},
		"bad second key": {
			client + "session: {keys_file: bad}",
			"session.keys[1]: a session key is 32 random bytes in base64; make one with `stagedoor key`",
		},
		"a list of names": {
			keys + "spotify: {client_id: id, client_secret: hidden, client_secret_file: [good]}",
			`spotify.client_secret_file: needs a text`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, filepath.Join(folder, "config.yaml"), test.text)
			_, err := Load(path, environment())
			if err == nil {
				t.Fatal("it loads")
			}
			got, ok := strings.CutPrefix(err.Error(), path+":2:")
			if !ok || strings.Contains(got, "\n") {
				t.Fatalf("got %v, want one problem in line 2", err)
			}
			_, got, _ = strings.Cut(got, ": ")
			if want := strings.ReplaceAll(test.want, "FOLDER", folder); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Error("the problem shows a secret")
			}
		})
	}
}

func TestBadKeyPointsAtItsFile(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "keys"), "short\n")
	path := write(t, filepath.Join(folder, "config.yaml"), `spotify: {client_id: id, client_secret: secret}
session:
  keys: ["${EMPTY:-}"]
  keys_file: keys
`)
	_, err := Load(path, environment())
	want := path + ":4:3: session.keys[0]: a session key is 32 random bytes in base64; make one with `stagedoor key`"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
