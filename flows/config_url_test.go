package flows

import (
	"strings"
	"testing"
)

// A URL that is none may still have a password in it.
func TestURLProblemHidesThePassword(t *testing.T) {
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
		var problems []string
		c.Validate(func(field, problem string) { problems = append(problems, field+": "+problem) })
		if len(problems) != 1 || !strings.HasPrefix(problems[0], "token_url: ") || strings.Contains(problems[0], "hunter2") {
			t.Errorf("%s gives %q, want one problem of token_url without the password", text, problems)
		}
	}
	if got, want := (Config{}).urlProblem("ftp://user:hunter2@a.example"),
		`"[redacted]@a.example" is not a URL; write one that begins with https://`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
