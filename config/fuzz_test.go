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
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("the error is %v, want faults", err)
		}
		lines := newSource("config.yaml", text).lines
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > len(lines) {
				t.Fatalf("%q lies outside of the file's %d lines", fault, len(lines))
			}
			if end := utf8.RuneCountInString(lines[fault.Line-1]) + 1; fault.Column < 1 || fault.Column > end {
				t.Fatalf("%q lies outside of its line, which ends at %d", fault, end)
			}
			if strings.ContainsAny(fault.String(), "\n\r") || fault.Problem == "" {
				t.Fatalf("%q is not one sentence", fault)
			}
		}
		sorted := slices.Clone(faults)
		if sorted.sort(); !slices.Equal(sorted, faults) {
			t.Fatalf("the faults are not in the order of the file:\n%v", err)
		}
	})
}
