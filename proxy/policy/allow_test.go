package policy

import (
	"regexp"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, rest string
		want          bool
	}{
		{"me", "/me", true}, {"/me", "/me", true}, {"me", "/me/x", false}, {"me", "", false},
		{"*", "/x", true}, {"*", "", false}, {"*", "/x/y", false},
		{"**", "", true}, {"**", "/", true}, {"**", "/a/b", true},
		{"me/**", "/me", true}, {"me/**", "/me/a/b", true}, {"me/**", "/mex", false},
		{"a/*/c", "/a/b/c", true}, {"a/*/c", "/a/c", false},
		{"", "", true}, {"/", "/", true}, {"/", "/a", false},
	} {
		if got := NewAllowList([]string{c.pattern}).Allows(c.rest); got != c.want {
			t.Errorf("%q allows %q: %v, want %v", c.pattern, c.rest, got, c.want)
		}
	}
	if !NewAllowList(nil).Allows("/anything") {
		t.Error("an empty list must allow everything")
	}
}

// FuzzAllow compares a pattern with an expression that says the same.
func FuzzAllow(f *testing.F) {
	for _, pattern := range []string{"", "/", "me", "me/**", "**", "*", "playlists/*/items", "a.b/*", "a/**/b", "a*", "é/\x00", "a//b", "a/..", "%2e"} {
		for _, path := range []string{"", "/", "/me", "/me/player", "/playlists/1/items", "//", "/axb/c", "/me/"} {
			f.Add(pattern, path)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if PatternProblem(pattern) != "" || strings.HasSuffix(path, "/") {
			return
		}
		trimmed := strings.TrimPrefix(pattern, "/")
		form := regexp.QuoteMeta(trimmed)
		form = regexp.MustCompile(`(^|/)\\\*(/|$)`).ReplaceAllString(form, "$1[^/]*$2")
		form = regexp.MustCompile(`(^|/)\\\*(/|$)`).ReplaceAllString(form, "$1[^/]*$2") // two in a row share a slash
		form = regexp.MustCompile(`(^|/)\\\*\\\*$`).ReplaceAllString(form, "($1.*)?")
		rest := strings.TrimPrefix(path, "/")
		want := regexp.MustCompile("(?s)^" + form + "$").MatchString(rest)
		if rest == "" { // no segment at all
			want = trimmed == "" || trimmed == "**"
		}
		if got := ParsePattern(pattern).Matches(path); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, path, got, want)
		}
	})
}
