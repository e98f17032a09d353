package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readme is the text of the repository's own page, and of the pages of docs/ that go on with it.
func readme(t testing.TB) string {
	t.Helper()
	var text strings.Builder
	for _, page := range []string{"README.md", "docs/routes.md", "docs/proxies.md", "docs/configuration.md", "docs/watching.md"} {
		part, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Fatal(err)
		}
		text.Write(part)
	}
	return text.String()
}

// section returns what these pages have below a heading, up to the next of the same or a higher level.
func section(t testing.TB, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(readme(t), "\n"+heading+"\n")
	if !found {
		t.Fatalf("neither README.md nor docs/ has the section %q", heading)
	}
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	var lines []string
	fenced := false
	for line := range strings.Lines(rest) {
		hashes := len(line) - len(strings.TrimLeft(line, "#"))
		if !fenced && hashes > 0 && hashes <= level && line[hashes] == ' ' {
			break
		}
		fenced = fenced != strings.HasPrefix(line, "```")
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// example returns the one fenced example of a language in a section of these pages.
func example(t testing.TB, heading, language string) string {
	t.Helper()
	found := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(section(t, heading), -1)
	if len(found) != 1 {
		t.Fatalf("the section %q of README.md has %d examples in %s, want one", heading, len(found), language)
	}
	return found[0][1]
}

// replaced puts the places of this test into an example. Each must be there, so that the example cannot drift away.
func replaced(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the example of README.md lacks %q:\n%s", pairs[i], text)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
