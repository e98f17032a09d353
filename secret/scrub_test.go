package secret

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

func TestWithoutUserinfo(t *testing.T) {
	for address, want := range map[string]string{
		"":                            "",
		"redis:6379":                  "redis:6379",
		"https://a b":                 "https://a b",
		"@":                           "[redacted]@",
		"redis://:hunter2@redis:6379": "[redacted]@redis:6379",
		"user:hunt er2@redis":         "[redacted]@redis",
		"user:hun@ter2@redis":         "[redacted]@redis",
		"user:hun/ter2@redis":         "[redacted]@redis",
		"redis:6379,password=hunter2": "redis:6379,[redacted]",
		"redis:6379?password=hunter2": "redis:6379?[redacted]",
		"hunter2@redis;x=hunter2":     "[redacted]@redis;[redacted]",
	} {
		if got := WithoutUserinfo(address); got != want {
			t.Errorf("WithoutUserinfo(%q) = %q, want %q", address, got, want)
		}
	}
}
