package session

import (
	"fmt"
	"strings"
	"testing"
)

func TestWithoutQuotations(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "unexpected EOF": "unexpected EOF", `don't "`: `don't [redacted]`,
		fmt.Sprintf("malformed HTTP response %q", hidden):                     `malformed HTTP response [redacted]`,
		fmt.Sprintf("Post %q: malformed %q, too", "http://x/", `a"b\`+hidden): `Post [redacted]: malformed [redacted], too`,
		fmt.Sprintf("cut %q", strings.Repeat(hidden, 9))[:60]:                 `cut [redacted]`,
		`cut behind a "quoted \`:                                              `cut behind a [redacted]`,
		fmt.Sprintf("twice %q", fmt.Sprintf("quoted %q", hidden)):             `twice [redacted]`,
		"dial tcp 127.0.0.1:1: connect: connection refused":                   "dial tcp 127.0.0.1:1: connect: connection refused",
	} {
		if got := WithoutQuotations(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
