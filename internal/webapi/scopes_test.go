package webapi

import (
	"slices"
	"testing"
)

func TestScopes(t *testing.T) {
	all := Scopes()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("%q is not sorted, or has a scope twice", all)
	}
	for _, scope := range all {
		if !Known(scope) {
			t.Errorf("%s is not known", scope)
		}
	}
	if all[0] = "changed"; Scopes()[0] == "changed" {
		t.Error("a caller can change the list for others")
	}
}

func TestUnknownScopes(t *testing.T) {
	for _, scope := range []string{"", " ", "openid", "Streaming", "streaming ", "user-read", "zzz", "streaming user-top-read"} {
		if Known(scope) {
			t.Errorf("%q is known", scope)
		}
	}
}

// TestOperationsAskForKnownScopes catches a slip in either list.
func TestOperationsAskForKnownScopes(t *testing.T) {
	for _, o := range operations {
		for _, scope := range o.Scopes {
			if !Known(scope) {
				t.Errorf("%s %s asks for %s, which is not among the scopes", o.Method, o.Path, scope)
			}
		}
	}
}
