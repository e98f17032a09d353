package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	for _, name := range []string{"flag.yaml", "env.yaml", "here.yaml", "etc.yaml"} {
		write(t, filepath.Join(folder, name), "")
	}
	nobody, env := environment(), environment("STAGEDOOR_CONFIG", "env.yaml")
	for name, test := range map[string]struct {
		flag      string
		getenv    func(string) (string, bool)
		paths     []string
		want, err string
	}{
		"flag":            {"flag.yaml", env, []string{"here.yaml"}, "flag.yaml", ""},
		"variable":        {"", env, []string{"here.yaml"}, "env.yaml", ""},
		"empty variable":  {"", environment("STAGEDOOR_CONFIG", ""), []string{"here.yaml"}, "here.yaml", ""},
		"this folder":     {"", nobody, []string{"here.yaml", "etc.yaml"}, "here.yaml", ""},
		"system's folder": {"", nobody, []string{"none.yaml", "etc.yaml"}, "etc.yaml", ""},
		"flag to nowhere": {"none.yaml", env, []string{"here.yaml"}, "",
			"-config names the configuration file none.yaml, which does not exist; correct the path"},
		"variable to nowhere": {"", environment("STAGEDOOR_CONFIG", "none.yaml"), []string{"here.yaml"}, "",
			"STAGEDOOR_CONFIG names the configuration file none.yaml, which does not exist; correct the path"},
		"nowhere": {"", nobody, []string{"none.yaml"}, "",
			"there is no configuration file: name one with -config or STAGEDOOR_CONFIG, " +
				"or put it at ./config.yaml or /etc/stagedoor/config.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := find(test.flag, test.getenv, test.paths)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if got != test.want || message != test.err {
				t.Errorf("got %q, %q\nwant %q, %q", got, message, test.want, test.err)
			}
		})
	}
}

func TestFindLooksHereFirst(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", environment()); got != "./config.yaml" || err != nil {
		t.Errorf("Find gives %q, %v, want ./config.yaml", got, err)
	}
}
