package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/*/*.golden anew from what the loader says")

// brokenEnvironment is what the files in testdata/broken find in their environment.
var brokenEnvironment = environment("EMPTY", "", "TEXT", "text", "INJECTION", "info\nserver: {listen: 0.0.0.0:80}")

// TestBrokenFiles loads every file in testdata/broken and compares all that is wrong in it with the .golden beside it.
func TestBrokenFiles(t *testing.T) {
	t.Chdir("testdata/broken")
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 60 {
		t.Fatalf("testdata/broken has %d files (%v), want at least 60", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".yaml"), func(t *testing.T) {
			_, err := Load(file, brokenEnvironment)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			matchGolden(t, file, problems)
		})
	}
}

// matchGolden compares what the loader says about a file with the .golden beside it.
func matchGolden(t *testing.T, file string, problems Problems) {
	t.Helper()
	got, golden := problems.Error()+"\n", strings.TrimSuffix(file, ".yaml")+".golden"
	if *update {
		write(t, golden, got)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
