package webapi

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// TestGeneratedFileIsCurrent generates the table anew and compares.
func TestGeneratedFileIsCurrent(t *testing.T) {
	var problems bytes.Buffer
	generator := exec.CommandContext(t.Context(), "go", "run", "generate.go", "-print")
	generator.Stderr = &problems
	want, err := generator.Output()
	if err != nil {
		t.Fatalf("the generator fails: %v\n%s", err, &problems)
	}
	got, err := os.ReadFile("operations_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("operations_gen.go is not what operations.tsv says; run go generate ./webapi")
	}
}
