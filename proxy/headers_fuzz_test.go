package proxy

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
	rule := newOriginRule("https://public.example", []string{listedOrigin})
	f.Fuzz(func(t *testing.T, first, second string) {
		r := httptest.NewRequest(http.MethodOptions, "/", nil)
		r.Header["Origin"] = []string{listedOrigin}
		r.Header["Access-Control-Request-Headers"] = []string{first, second}
		recorder := httptest.NewRecorder()
		rule.answerPreflight(&responseWriter{ResponseWriter: recorder, streamBegun: func() {}}, r, []string{"GET"})
		allowed := recorder.Header()["Access-Control-Allow-Headers"]
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

// identityCodings is a list of RFC 9110 section 5.6.1 whose elements are identity.
var identityCodings = regexp.MustCompile(`^(?i:[ \t]*(identity)?[ \t]*(,|$))*$`)

// FuzzCoding looks for a Content-Encoding that passes although it names a coding, or is rejected although it names none.
func FuzzCoding(f *testing.F) {
	for _, coding := range []string{"", "gzip", "identity", "Identity,\tidentity", "identity, gzip", ",gzip", "identity;q=1", "identity identity", " ,"} {
		f.Add(coding)
	}
	f.Fuzz(func(t *testing.T, coding string) {
		if passes, want := checkCoding([]string{coding}) == nil, identityCodings.MatchString(coding); passes != want {
			t.Errorf("%q passes: %t, want %t", coding, passes, want)
		}
	})
}
