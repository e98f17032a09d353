package command

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stagedoor/config"
	"stagedoor/proxy"
)

// fileText returns the text of a file at the top of the repository.
func fileText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The compose demo logs in to the same page as `stagedoor demo`, and so asks for the same.
func TestComposeDemoHasTheDemosScopes(t *testing.T) {
	if want := "\nSPOTIFY_SCOPES=" + strings.Join(demoScopes, " ") + "\n"; !strings.Contains(fileText(t, "demo.env"), want) {
		t.Errorf("demo.env lacks %q", want)
	}
	for _, name := range []string{"SPOTIFY_SCOPES", "STAGEDOOR_SESSION_STORE"} {
		if !strings.Contains(fileText(t, "docker-compose.yml"), "\n      "+name+":\n") {
			t.Errorf("docker-compose.yml does not pass %s on", name)
		}
	}
}

// demo.yaml is config.yaml with the routes of `stagedoor demo`, so that the page of the compose demo hears of what plays as well.
func TestComposeDemoHasTheDemosRoutes(t *testing.T) {
	const frontend = "http://web:3000" // as docker-compose.yml sets it
	variables := map[string]string{"STAGEDOOR_FRONTEND_URL": frontend}
	for line := range strings.Lines(fileText(t, "demo.env")) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(name, "#") {
			variables[name] = value
		}
	}
	const mount = "STAGEDOOR_CONFIG_MOUNT"
	if !strings.Contains(fileText(t, "docker-compose.yml"), "- ${"+mount+":-./config.yaml}:/etc/stagedoor/config.yaml:ro\n") {
		t.Errorf("docker-compose.yml does not mount the file that %s names", mount)
	}
	load := func(name string) config.Config {
		t.Helper()
		loaded, err := config.Load("../"+name, func(name string) (string, bool) {
			value, set := variables[name]
			return value, set
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return loaded.Config
	}
	usual, demo := load("config.yaml"), load(variables[mount])
	all := demoConfig("", "", "").Routes
	want := slices.Clone(all[:len(all)-1])
	want[0].Methods = proxy.DefaultMethods()
	want = append(want, proxy.Route{Path: "/", Upstream: frontend, Credentials: proxy.CredentialsNone})
	if !reflect.DeepEqual(demo.Routes, want) {
		t.Errorf("%s has the routes\n%+v, want\n%+v", variables[mount], demo.Routes, want)
	}
	if demo.Routes = usual.Routes; !reflect.DeepEqual(demo, usual) {
		t.Errorf("%s is\n%+v\nand config.yaml is\n%+v", variables[mount], demo, usual)
	}
}
