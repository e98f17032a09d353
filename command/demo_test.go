package command

import (
	"os"
	"strings"
	"testing"
)

// The compose demo logs in to the same page as `stagedoor demo`, and so asks for the same.
func TestComposeDemoHasTheDemosScopes(t *testing.T) {
	text, err := os.ReadFile("../demo.env")
	if err != nil {
		t.Fatal(err)
	}
	want := "\nSPOTIFY_SCOPES=" + strings.Join(demoScopes, " ") + "\n"
	if !strings.Contains(string(text), want) {
		t.Errorf("demo.env lacks %q", want)
	}
	for _, name := range []string{"SPOTIFY_SCOPES", "STAGEDOOR_SESSION_STORE"} {
		if compose, err := os.ReadFile("../docker-compose.yml"); err != nil || !strings.Contains(string(compose), "\n      "+name+":\n") {
			t.Errorf("docker-compose.yml does not pass %s on (%v)", name, err)
		}
	}
}
