package flows

import (
	"strings"
	"testing"
)

// A URL that is none may still have a password in it.
func TestURLFaultHidesThePassword(t *testing.T) {
	for _, text := range []string{
		"ftp://user:hunter2@a.example",
		"https://user:hunter2 @a.example",
		"https://user:hunter2%@a.example",
		"user:hunter2@a.example",
		"//user:hunter2@a.example",
		"https://user:hunter2@a.example",
	} {
		c := DefaultConfig()
		c.ClientID, c.TokenURL = "client-1", text
		var faults []string
		c.Validate(func(field, problem string) { faults = append(faults, field+": "+problem) })
		if len(faults) != 1 || !strings.HasPrefix(faults[0], "token_url: ") || strings.Contains(faults[0], "hunter2") {
			t.Errorf("%s gives %q, want one fault of token_url without the password", text, faults)
		}
	}
	if got, want := (Config{}).urlProblem("ftp://user:hunter2@a.example"),
		`"[redacted]@a.example" is no URL; write one that begins with https://`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
