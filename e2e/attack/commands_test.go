package attack

import (
	"os"
	"path/filepath"
	"strings"

	"stagedoor/e2e/stage"
)

// quickExit keeps the race detector, where it is built in, from waiting a second at the end of each command.
var quickExit = []string{"GORACE=atexit_sleep_ms=0"}

// command runs one of the program's commands, keeps what it says, and wants an exit code.
func (s *scene) command(want int, args ...string) {
	s.t.Helper()
	code, stdout, stderr := stage.Stagedoor(s.t, quickExit, args...)
	s.record(placeCommands, stdout+stderr)
	if code != want {
		s.t.Errorf("stagedoor %v: code %d, want %d: %s", args, code, want, stderr)
	}
}

// commands runs what an operator does, with the configuration as it is and with secrets in wrong places of it.
func (s *scene) commands() {
	s.t.Helper()
	config := s.Replicas[0].Config
	for _, args := range [][]string{
		{"version"}, {"help"}, {"check"}, {"check", "-online"}, {"sessions", "list"}, {"accounts", "list"},
		{"sessions", "revoke", "-user", "ben"}, {"accounts", "remove", "box"},
	} {
		if len(args) > 1 || args[0] == "check" {
			args = append(args, "-config", config)
		}
		s.command(0, args...)
	}
	s.command(1, "sessions", "revoke", "-handle", "nothing", "-config", config)
	s.command(1, "serve", "-config", s.changed("listen: 127.0.0.1:0", "listen: "+s.Replicas[0].Public()))
	s.command(1, "check", "-online", "-config", s.changed(stage.ClientSecret, stage.ClientSecret+"x"))
	key := s.Key.Reveal()
	for from, to := range map[string]string{
		"client_secret: \"" + stage.ClientSecret + "\"": "client_secret: [" + stage.ClientSecret + "]",
		"keys: [\"" + key:   "keys: [\"" + key[:42],
		"client_id: ":       "client_secret: " + stage.ClientSecret + "\n  client_id: ",
		"password: ":        "password: |",
		"username: gateway": "password_file: " + redisPassword,
		"addresses: [\"":    "addresses: [\"redis://:" + redisPassword + "@",
		"  password: ":      "\tpassword: ",
	} {
		s.command(2, "check", "-config", s.changed(from, to))
	}
}

// changed returns another configuration: that of the first replica, with one text in place of another.
func (s *scene) changed(from, to string) string {
	s.t.Helper()
	good, err := os.ReadFile(s.Replicas[0].Config)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(good), from) {
		s.t.Fatalf("%q is not in the configuration", from)
	}
	path := filepath.Join(s.t.TempDir(), "config.yaml")
	stage.WriteFile(s.t, path, strings.Replace(string(good), from, to, 1))
	return path
}
