package policy

import "testing"

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
