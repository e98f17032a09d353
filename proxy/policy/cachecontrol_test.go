package policy

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"stagedoor/proxy/proxytest"
)

// FuzzCacheControl wants of any header one line that says private and allows shared caches nothing, whether they read it by
// the grammar or look for words; that every restriction for browsers stays; and that no cache may keep an answer longer.
func FuzzCacheControl(f *testing.F) {
	for _, lines := range slices.Sorted(maps.Keys(proxytest.Map("../testdata/cachecontrol.json"))) {
		var said []string
		for line := range strings.SplitSeq(lines, "\n") {
			if value, found := strings.CutPrefix(line, "Cache-Control: "); found {
				said = append(said, value)
			}
		}
		f.Add(strings.Join(said, "\n"), "Sat, 28 Nov 2026 12:01:00 GMT", "public")
	}
	f.Fuzz(func(t *testing.T, said, expires, pragma string) {
		h := http.Header{"Date": {"Sat, 28 Nov 2026 12:00:00 GMT"}}
		if said != "" {
			h["Cache-Control"] = strings.Split(said, "\n")
		}
		if expires != "" {
			h["Expires"], h["Pragma"] = []string{expires}, []string{pragma}
		}
		makePrivate(h)
		if len(h["Cache-Control"]) != 1 || len(h["Expires"])+len(h["Pragma"]) > 0 {
			t.Fatalf("%q became %v", said, h)
		}
		line := h["Cache-Control"][0]
		directives := strings.Split(line, ", ")
		if directives[0] != "private" || len(slices.Compact(slices.Sorted(slices.Values(directives)))) != len(directives) {
			t.Errorf("%q became %q", said, line)
		}
		for _, d := range directives {
			name, seconds, timed := strings.Cut(d, "=")
			if timed != slices.Contains([]string{"max-age", "stale-while-revalidate", "stale-if-error"}, name) ||
				timed && (seconds == "" || strings.Trim(seconds, "0123456789") != "") {
				t.Errorf("%q became %q, where %q is odd", said, line, d)
			}
			if !timed && !slices.Contains([]string{"private", "no-store", "no-cache", "must-revalidate", "no-transform", "immutable"}, d) {
				t.Errorf("%q became %q, where %q is odd", said, line, d)
			}
		}
		if !strings.Contains(said, `"`) { // then commas alone separate elements, and the order cannot matter
			for element := range strings.SplitSeq(strings.ReplaceAll(said, "\n", ","), ",") {
				name := strings.ToLower(strings.Trim(element, " \t"))
				if (name == "no-store" || name == "no-cache" || name == "must-revalidate") && !slices.Contains(directives, name) {
					t.Errorf("%q became %q, which lost %q", said, line, name)
				}
			}
		}
		again := http.Header{"Cache-Control": {line}}
		if makePrivate(again); again.Get("Cache-Control") != line {
			t.Errorf("%q became %q, and that %q", said, line, again.Get("Cache-Control"))
		}
	})
}
