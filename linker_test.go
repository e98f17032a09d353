package main

import (
	"bytes"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMethodsWithoutCallersAreDropped keeps the program small. The linker leaves out exported methods without a caller,
// until something is linked that finds methods by a name that only the running program knows, as text/template does for
// {{.Name}}: then every exported method of what can be reached stays, with all that it calls. That was 7 MB.
//
// The linker is asked, and not go list, because an import alone does no harm: gomponents 1.2.0 imports html/template for a
// function that escapes, and what templates are carried out with is not linked.
func TestMethodsWithoutCallersAreDropped(t *testing.T) {
	if testing.Short() {
		t.Skip("it links the program")
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), "stagedoor"), ".")
	graph, err := build.CombinedOutput() // of what is linked: "caller -> called", each with marks
	if err != nil || !bytes.Contains(graph, []byte("\nmain.main -> ")) {
		t.Fatalf("the linker does not tell what it links: %v\n%.2000s", err, graph)
	}
	named := map[string]bool{}
	for _, finder := range regexp.MustCompile(`(?m)(\S+) <ReflectMethod>`).FindAllSubmatch(graph, -1) {
		named[string(finder[1])] = true
	}
	if len(named) > 0 { // reflect's own come along with those that began it
		t.Errorf("these find methods by name, so that no exported method can be left out; use something that does not:\n%s",
			strings.Join(slices.Sorted(maps.Keys(named)), "\n"))
	}
}
