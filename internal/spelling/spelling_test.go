package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"client_id", "client_secret", "scopes", "flow"}
	for word, want := range map[string]string{
		"client_ids":                    "client_id",
		"cleint_id":                     "client_id",
		"scope":                         "scopes",
		"flows":                         "flow",
		"scopes":                        "scopes",
		"database":                      "",
		"":                              "",
		"flowflow":                      "",
		"clientid":                      "client_id",
		"Scopes":                        "scopes",
		strings.Repeat("scopes", 1<<20): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
