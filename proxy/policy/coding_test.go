package policy

import (
	"regexp"
	"testing"
)

func TestTakesGzip(t *testing.T) {
	for field, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br, gzip": true, "x-gzip": true, "gzip;q=0.5": true, "gzip; q=1.000": true,
		"gzip;q=0": false, "gzip;q=0.000": false, "gzip;q=x": false, "*": true, "*;q=0": false, "gzip;q=0, *": false,
		"*, gzip;q=0": false, "identity": false, "gzipx": false, "deflate, br;q=1": false,
	} {
		if got := TakesGzip([]string{field}); got != want {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
	}
}

// identityCodings is a list of RFC 9110 section 5.6.1 whose elements are identity.
var identityCodings = regexp.MustCompile(`^(?i:[ \t]*(identity)?[ \t]*(,|$))*$`)

// FuzzCoding looks for a Content-Encoding that passes although it names a coding, or is rejected although it names none.
func FuzzCoding(f *testing.F) {
	for _, coding := range []string{"", "gzip", "identity", "Identity,\tidentity", "identity, gzip", ",gzip", "identity;q=1", "identity identity", " ,"} {
		f.Add(coding)
	}
	f.Fuzz(func(t *testing.T, coding string) {
		if passes, want := !HasCoding([]string{coding}), identityCodings.MatchString(coding); passes != want {
			t.Errorf("%q passes: %t, want %t", coding, passes, want)
		}
	})
}
