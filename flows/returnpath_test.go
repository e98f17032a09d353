package flows

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The origins that return paths are judged on: what "//" means depends on the scheme alone, what a relative address means
// on the host too.
var publicOrigins = []string{"http://127.0.0.1:8080", "https://music.example"}

func TestReturnPath(t *testing.T) {
	corpus := readReturnPaths(t)
	for _, section := range []struct {
		name  string
		least int
		want  func(raw, got string) bool
	}{
		{"refused", 150, func(_, got string) bool { return got == "/" }},
		{"harmless", 50, func(raw, got string) bool { return got == escapeForHeader(raw) }},
		{"good", 30, func(raw, got string) bool { return got == raw }},
	} {
		t.Run(section.name, func(t *testing.T) {
			values := corpus[section.name]
			if len(values) < section.least {
				t.Fatalf("the corpus has only %d values under [%s]", len(values), section.name)
			}
			for _, raw := range values {
				got := returnPath(raw)
				if !section.want(raw, got) {
					t.Errorf("returnPath(%q) = %q, and it is [%s]", raw, got, section.name)
				}
				for _, origin := range publicOrigins {
					checkReturnPath(t, origin, raw, got)
				}
			}
		})
	}
}

// The corpus would prove nothing if its oracle let everything pass.
func TestReturnPathOracleSeesEscapes(t *testing.T) {
	leaving := 0
	for _, raw := range readReturnPaths(t)["refused"] {
		if origin, _ := resolve(publicOrigins[0], raw); origin != publicOrigins[0] {
			leaving++
		}
	}
	if leaving < 80 {
		t.Errorf("unchanged, only %d of the refused values would leave the origin", leaving)
	}
}

func TestReturnPathLength(t *testing.T) {
	longest := "/" + strings.Repeat("a", maxReturnTo-1)
	for raw, want := range map[string]string{
		longest:       longest,
		longest + "a": "/",
		"/" + strings.Repeat("//evil.example", 1<<16): "/",
		"/" + strings.Repeat("ä", 1<<20):              "/",
		"/" + strings.Repeat("../", 1<<20):            "/",
	} {
		if got := returnPath(raw); got != want {
			t.Errorf("returnPath of %d bytes that begin with %.20q = %.40q, want %.40q", len(raw), raw, got, want)
		}
	}
}

func TestReturnPathEscapesWhatAHeaderCannotCarry(t *testing.T) {
	for raw, want := range map[string]string{
		"/Sigur Rós":      "/Sigur%20R%C3%B3s",
		"/a?q=b c#d e":    "/a?q=b%20c#d%20e",
		"/\u0085\u2028":   "/%C2%85%E2%80%A8",
		"/already%20done": "/already%20done",
	} {
		if got := returnPath(raw); got != want {
			t.Errorf("returnPath(%q) = %q, want %q", raw, got, want)
		}
	}
}

func FuzzReturnPath(f *testing.F) {
	for _, values := range readReturnPaths(f) {
		for _, raw := range values {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := returnPath(raw)
		for _, origin := range publicOrigins {
			checkReturnPath(t, origin, raw, got)
		}
		if again := returnPath(got); again != got && len(got) <= maxReturnTo {
			t.Errorf("returnPath(%q) = %q, and that becomes %q", raw, got, again)
		}
	})
}

// FuzzReturnTo holds absolute URLs to the origins that are allowed, as a browser reads them.
func FuzzReturnTo(f *testing.F) {
	origins := []string{"https://music.example", "https://app.example", "http://127.0.0.1:5173"}
	for _, values := range readReturnPaths(f) {
		for _, raw := range values {
			f.Add(raw)
			f.Add(origins[1] + raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := returnTo(raw, origins)
		if where, _ := resolve(origins[0], got); !slices.Contains(origins, where) {
			t.Errorf("returnTo(%q) = %q, which a browser takes for %q", raw, got, where)
		}
		if again := returnTo(got, origins); again != got {
			t.Errorf("returnTo(%q) = %q, and that becomes %q", raw, got, again)
		}
	})
}

// readReturnPaths reads the corpus by its sections.
func readReturnPaths(t testing.TB) map[string][]string {
	t.Helper()
	file, err := os.Open("testdata/returnpaths.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read from
	sections, current := map[string][]string{}, ""
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "" || line == "#" || strings.HasPrefix(line, "# "):
			continue
		case strings.HasPrefix(line, "["):
			current, _, _ = strings.Cut(line[1:], "]")
			continue
		case line == "<empty>":
			line = ""
		}
		value, err := strconv.Unquote(`"` + line + `"`)
		if err != nil {
			t.Fatalf("testdata/returnpaths.txt: %q cannot be read: %v", line, err)
		}
		sections[current] = append(sections[current], value)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return sections
}
