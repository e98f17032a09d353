package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestWarnedFiles loads every file in testdata/warned, which are all good, and compares the warnings with the .golden
// beside it.
func TestWarnedFiles(t *testing.T) {
	t.Chdir("testdata/warned")
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("testdata/warned has %d files (%v), want at least 4", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".yaml"), func(t *testing.T) {
			loaded, err := Load(file, environment())
			if err != nil {
				t.Fatal(err)
			}
			matchGolden(t, file, loaded.Warnings)
		})
	}
}
