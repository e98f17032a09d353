package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLoad feeds the loader any text: it must not panic, and what it reports must be one sentence a line, inside the
// file and in its order.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(seeds, shipped) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		"", "\n", "~", "...", "---\n---\n", "%YAML 1.2\n---\nlog: {}\n",
		"? a\n: b", "[a]: b", ": x", "*a : b", "&a b: c", "!t a: b", "log: {? {? ", "a: !!binary |\n  x",
		"log: {level: |\n  a\n\n\n}", "log:\n  level: |\n    a\n\n\n\n", "log: \"a\n b",
		"server: {listen: 'a\n\n\n  b'}",
		"\ufeff\r\n\r\rlog:\r\n\tlevel", "accounts: {\"a.b[0]\": {x: 1}}", "spotify: {client_secret_file: [x]}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := load("config.yaml", text, brokenEnvironment)
		if err == nil {
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("the error is %v, want problems", err)
		}
		lines := newSource("config.yaml", text).lines
		for _, problem := range problems {
			if problem.Line < 1 || problem.Line > len(lines) {
				t.Fatalf("%q lies outside of the file's %d lines", problem, len(lines))
			}
			if end := utf8.RuneCountInString(lines[problem.Line-1]) + 1; problem.Column < 1 || problem.Column > end {
				t.Fatalf("%q lies outside of its line, which ends at %d", problem, end)
			}
			if strings.ContainsAny(problem.String(), "\n\r") || problem.Text == "" {
				t.Fatalf("%q is not one sentence", problem)
			}
		}
		sorted := slices.Clone(problems)
		if sorted.sort(); !slices.Equal(sorted, problems) {
			t.Fatalf("the problems are not in the order of the file:\n%v", err)
		}
	})
}
