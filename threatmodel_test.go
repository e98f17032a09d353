package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// namedTest is a link to a test, as docs/threat-model.md has them: the name, and the file from there.
var namedTest = regexp.MustCompile(`\[((?:Test|Fuzz)\w+)\]\(([^)]+)\)`)

// TestThreatModel checks that every promise of docs/threat-model.md names a test that proves it, and that the test is
// there.
func TestThreatModel(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, holds, found := strings.Cut(string(page), "\n## What holds\n")
	if !found {
		t.Fatal("the page does not say what holds")
	}
	holds, _, _ = strings.Cut(holds, "\n## ")
	promises := 0
	for line := range strings.Lines(holds) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.TrimSpace(cells[1]) == "" || strings.HasPrefix(cells[0], "---") || strings.Contains(line, "| tests |") {
			continue // text, a heading, or the head of the table
		}
		promises++
		tests := namedTest.FindAllStringSubmatch(cells[2], -1)
		if len(tests) == 0 {
			t.Errorf("no test proves: %s", strings.TrimSpace(cells[0]))
		}
		for _, test := range tests {
			source, err := os.ReadFile(filepath.Join("docs", test[2]))
			if err != nil || !strings.Contains(string(source), "func "+test[1]+"(") {
				t.Errorf("%s is not in %s", test[1], test[2])
			}
		}
	}
	if promises < 15 {
		t.Errorf("the page has %d promises; has its table changed its shape?", promises)
	}
}
