package policy

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"stagedoor/proxy/proxytest"
)

var queries = proxytest.Map("../testdata/queries.json")

func FuzzQuery(f *testing.F) {
	for sent := range queries {
		f.Add(sent)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got := WithoutAccessToken(query)
		if parsed, _ := url.ParseQuery(strings.ReplaceAll(got, ";", "&")); parsed.Has("access_token") {
			t.Errorf("%q kept a token: %q", query, got)
		}
		if again := WithoutAccessToken(got); again != got {
			t.Errorf("%q became %q and then %q", query, got, again)
		}
		if parsed, err := url.ParseQuery(query); err == nil && len(got) != len(query) &&
			!strings.Contains(strings.ToLower(strings.Join(slices.Collect(maps.Keys(parsed)), "")), "access_token") {
			t.Errorf("%q lost something: %q", query, got)
		}
	})
}

// TestCheckQuery compares every octet with what a request line may hold.
func TestCheckQuery(t *testing.T) {
	for octet := range 256 {
		visible := octet > ' ' && octet < 0x7f
		if err := CheckQuery("a" + string([]byte{byte(octet)}) + "b"); (err == nil) != visible {
			t.Errorf("%#x: %v", octet, err)
		}
	}
}
