package frontend

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// yourLines are the files of each example that its reader would write.
var yourLines = map[string][]string{
	"plain":        {"index.html"},
	"react-vite":   {"src/*.tsx", "vite.config.ts"},
	"sveltekit":    {"src/routes/*", "src/lib/server/*", "vite.config.js"},
	"now-playing":  {"widget.js"},
	"web-playback": {"speaker.js"},
	"go-zmb3":      {"main.go"},
}

// TestExamplesAreListed checks the table of the README: every example is in it, with as many lines as it has.
func TestExamplesAreListed(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := os.ReadDir("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		patterns, known := yourLines[folder.Name()]
		if !known {
			t.Errorf("examples/%s is not in this test", folder.Name())
			continue
		}
		lines := 0
		for _, pattern := range patterns {
			files, err := filepath.Glob(filepath.Join("../../examples", folder.Name(), pattern))
			if err != nil || len(files) == 0 {
				t.Fatalf("examples/%s has no %s: %v", folder.Name(), pattern, err)
			}
			for _, file := range files {
				lines += countLines(t, file)
			}
		}
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| .* \| (\d+) \| \[%s\]\(\S*examples/%[1]s\) \|$`, folder.Name())).FindSubmatch(readme)
		if row == nil || string(row[1]) != fmt.Sprint(lines) {
			t.Errorf("the table of README.md says %q of examples/%s, which has %d lines", row, folder.Name(), lines)
		}
	}
}

// countLines counts a file's lines; of a page, those of its script.
func countLines(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) == ".html" {
		text = regexp.MustCompile(`(?s)<script[^\n]*>\n.*</script>\n`).Find(text)
	}
	return strings.Count(string(text), "\n")
}
