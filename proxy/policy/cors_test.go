package policy

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// headerName is a field name of RFC 9110 section 5.1.
var headerName = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$")

// FuzzPreflight looks for a preflight of a listed origin whose answer allows anything but the names that were asked for.
func FuzzPreflight(f *testing.F) {
	for _, asked := range []string{
		"", "content-type", "X-A,x-a, x-b", "*", "a b,c", ",,", "\ta\t", "x:y", "a\r\nb", "é", strings.Repeat("a,", 500), "a;b", `"a"`,
	} {
		f.Add(asked, "")
		f.Add("x-first", asked)
	}
	const listedOrigin = "https://listed.example"
	rule := NewOriginRule("https://public.example", []string{listedOrigin})
	f.Fuzz(func(t *testing.T, first, second string) {
		r := httptest.NewRequest(http.MethodOptions, "/", nil)
		r.Header["Origin"] = []string{listedOrigin}
		r.Header["Access-Control-Request-Headers"] = []string{first, second}
		var allowed []string
		for _, field := range rule.Preflight(r, []string{"GET"}) {
			if field.Name == "Access-Control-Allow-Headers" {
				allowed = field.Values
			}
		}
		if len(allowed) == 0 {
			return
		}
		names := strings.Split(strings.Join(allowed, "\n"), ", ")
		if len(names) > 100 {
			t.Errorf("%d headers are allowed", len(names))
		}
		asked := "," + strings.ToLower(first+","+second) + ","
		asked = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(asked)
		for _, name := range names {
			if !headerName.MatchString(name) || !strings.Contains(asked, ","+strings.ToLower(name)+",") {
				t.Errorf("%q and %q: %q is allowed", first, second, name)
			}
		}
	})
}
