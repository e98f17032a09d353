package simulator

import (
	_ "embed"
	"strings"
	"testing"
)

//go:embed testdata/operations.txt
var operations string

// TestEndpointsAreDocumented keeps the imitation from answering where Spotify would not.
func TestEndpointsAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for line := range strings.Lines(operations) {
		documented[strings.TrimSpace(line)] = true
	}
	if len(documented) < 90 {
		t.Fatalf("only %d documented operations were read", len(documented))
	}
	seen := map[string]bool{}
	for _, e := range endpoints {
		operation := e.method + " " + e.path
		if !documented[operation] {
			t.Errorf("%s is not documented", operation)
		}
		if seen[operation] {
			t.Errorf("%s is there twice", operation)
		}
		seen[operation] = true
		for _, scope := range e.scopes {
			if scopes[scope] == "" {
				t.Errorf("%s needs the unknown scope %s", operation, scope)
			}
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, path := range []string{
		"/me", "//me", "/playlists/a/items", "/playlists/%2e%2e/items", "/users/a%2Fb", "", "/", "/me/", "/users/%zz",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for i := range endpoints {
			vars, ok := endpoints[i].match(path)
			if !ok {
				continue
			}
			if strings.Count(path, "/") > strings.Count(endpoints[i].path, "/") {
				t.Fatalf("%q matched %s", path, endpoints[i].path)
			}
			for name, value := range vars {
				if value == "" || value == "." || value == ".." || strings.ContainsAny(value, `/\`) {
					t.Fatalf("%q gave %s the value %q", path, name, value)
				}
			}
		}
	})
}

func FuzzSameButPort(f *testing.F) {
	const registered = "http://127.0.0.1/cb"
	for _, uri := range []string{
		registered, "http://127.0.0.1:80/cb", "http://127.0.0.1:80@evil/cb", "http://127.0.0.1:/cb", "http://[::1]:1/cb",
	} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !sameButPort(registered, uri) {
			return
		}
		port := strings.TrimSuffix(strings.TrimPrefix(uri, "http://127.0.0.1:"), "/cb")
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" || "http://127.0.0.1:"+port+"/cb" != uri {
			t.Fatalf("%q was taken for %q", uri, registered)
		}
	})
}
