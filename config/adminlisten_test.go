package config

import (
	"path/filepath"
	"testing"
)

// TestAdminListen wants the address that the running gateway has, from files that no gateway would start with any more.
func TestAdminListen(t *testing.T) {
	env := environment("ADMIN", "10.0.0.1:9000", "STAGEDOOR_ADMIN_LISTEN", "127.0.0.2:9090")
	for name, c := range map[string]struct{ text, want string }{
		"a good file":           {"admin:\n  listen: 127.0.0.1:7000\n", "127.0.0.1:7000"},
		"one line":              {"admin: {pprof: true, listen: 127.0.0.1:7000}\n", "127.0.0.1:7000"},
		"off":                   {"admin: {listen: \"\"}\n", ""},
		"a socket":              {"admin: {listen: unix:/run/admin.sock}\n", "unix:/run/admin.sock"},
		"a variable":            {"admin: {listen: \"${ADMIN}\"}\n", "10.0.0.1:9000"},
		"an unknown key":        {"sever: {}\nadmin: {listen: \"127.0.0.1:7000\", pprf: true}\n", "127.0.0.1:7000"},
		"an unset variable":     {"spotify: {client_id: \"${NO_SUCH}\"}\nadmin: {listen: 127.0.0.1:7000}\n", "127.0.0.1:7000"},
		"a doubled key":         {"admin: {listen: 127.0.0.1:7000}\nlog: {}\nlog: {}\n", "127.0.0.1:7000"},
		"not YAML":              {"server: {listen: [\nadmin: {listen: 127.0.0.1:7000}\n", "127.0.0.1:7000"},
		"not YAML, a variable":  {"admin: # the operator's\n  # where\n  pprof: true\n\n  listen: \"${ADMIN}\" # here\nlog: {level: }}\n", "10.0.0.1:9000"},
		"not YAML, no address":  {"server: {listen: 1.2.3.4:80]\nadmin:\n  pprof: true\nx:\n  listen: 1.2.3.4:9\n", "127.0.0.2:9090"},
		"a tab":                 {"admin:\n  listen: 127.0.0.1:7000\nlog:\n\tlevel: info\n", "127.0.0.1:7000"},
		"no such key":           {"log: {level: info}\n", "127.0.0.2:9090"},
		"a value of no meaning": {"admin: {listen: {port: 9}}\n", "127.0.0.2:9090"},
		"an empty file":         {"", "127.0.0.2:9090"},
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		write(t, file, c.text)
		if got := AdminListen(file, env); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := AdminListen("/nowhere/config.yaml", environment()); got != "127.0.0.1:9090" {
		t.Errorf("without a file the address is %q", got)
	}
}
